/** A device for tests: has a key pair, signs its requests and seals its keys as an agent does. */

import { createPublicKey, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import type {
  CheckInRequest,
  CheckInResponse,
  EnrollResponse,
  ReportedProtector,
  ReportedVolume,
} from '@keydesk/contract'
import { signDeviceRequest } from '@keydesk/contract/device-request'
import { sealRecoveryKey } from '@keydesk/contract/sealed-key'
import type { LightMyRequestResponse } from 'fastify'
import type { TestService } from './test-service.ts'

export interface SignOptions {
  readonly url: string
  readonly body: object
  readonly method?: 'POST' | 'GET'
  /** What the token is bound to, where it differs from what is sent. */
  readonly signed?: { readonly origin?: string; readonly url?: string; readonly body?: object }
  readonly issuedAt?: Date
  readonly lifetimeSeconds?: number
}

/** A recovery password protector of a test device, with its key. */
export interface TestProtector {
  readonly volumeId: string
  readonly protectorId: string
  readonly recoveryKey: Uint8Array
}

export class TestDevice {
  readonly key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  readonly service: TestService
  readonly name: string
  deviceId = ''
  enrolled: EnrollResponse | undefined

  constructor(service: TestService, name = `PC-${randomBytes(4).toString('hex')}`) {
    this.service = service
    this.name = name
  }

  async enroll(enrollmentToken: string): Promise<LightMyRequestResponse> {
    const body = { enrollmentToken, device: { name: this.name } }
    const response = await this.send({ url: '/device/v1/enroll', body })
    if (response.statusCode === 201) {
      this.enrolled = response.json<EnrollResponse>()
      this.deviceId = this.enrolled.deviceId
    }
    return response
  }

  sign(options: SignOptions): Promise<string> {
    const { url, body, method = 'POST', signed = {}, issuedAt, lifetimeSeconds } = options
    return signDeviceRequest({
      ...this.key,
      deviceId: this.deviceId === '' ? undefined : this.deviceId,
      target: {
        origin: signed.origin ?? this.service.deps.config.origin,
        method,
        url: signed.url ?? url,
        body: new TextEncoder().encode(JSON.stringify(signed.body ?? body)),
      },
      issuedAt: issuedAt ?? this.service.deps.clock.now(),
      ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }),
    })
  }

  async send(options: SignOptions): Promise<LightMyRequestResponse> {
    return await this.service.post(options.url, options.body, await this.sign(options))
  }

  protector(volumeId: string = randomUUID()): TestProtector {
    return { volumeId, protectorId: randomUUID(), recoveryKey: randomBytes(16) }
  }

  escrowBody(protector: TestProtector, more: object = {}) {
    const vault = this.enrolled?.vaultKey.publicKey
    if (vault === undefined) throw new Error('the test device is not enrolled')
    const { volumeId, protectorId, recoveryKey } = protector
    const sealedKey = sealRecoveryKey({
      recoveryKey,
      vaultPublicKey: createPublicKey({ key: vault, format: 'jwk' }),
      binding: { deviceId: this.deviceId, volumeId, protectorId },
    })
    return {
      volumeId,
      volumeType: 'operatingSystem',
      mountPoint: 'C:',
      protectorId,
      sealedKey: Buffer.from(sealedKey).toString('base64url'),
      ...more,
    }
  }

  async escrow(protector: TestProtector, more: object = {}): Promise<LightMyRequestResponse> {
    return await this.send({ url: '/device/v1/escrow', body: this.escrowBody(protector, more) })
  }

  /** Escrows a new protector and returns it. */
  async escrowNew(volumeId?: string): Promise<TestProtector> {
    const protector = this.protector(volumeId)
    const response = await this.escrow(protector)
    if (response.statusCode !== 201) throw new Error(`escrow failed: ${response.body}`)
    return protector
  }

  async checkIn(
    volumes: readonly ReportedVolume[],
    actions: CheckInRequest['actions'] = [],
  ): Promise<LightMyRequestResponse> {
    const body = { agentVersion: '1.0.0', device: { name: this.name }, volumes, actions }
    return await this.send({ url: '/device/v1/check-in', body })
  }

  /** A check-in that must succeed. */
  async report(
    volumes: readonly ReportedVolume[],
    actions: CheckInRequest['actions'] = [],
  ): Promise<CheckInResponse> {
    const response = await this.checkIn(volumes, actions)
    if (response.statusCode !== 200) throw new Error(`check-in failed: ${response.body}`)
    return response.json<CheckInResponse>()
  }
}

/** A volume whose list could be read: a TPM and these recovery passwords. */
export function volumeWith(
  volumeId: string,
  protectors: readonly (TestProtector | ReportedProtector)[],
): ReportedVolume {
  return {
    ...lockedVolume(volumeId),
    status: 'fullyEncrypted',
    protection: 'on',
    encryptionMethod: 'xts-aes-256',
    protectors: [
      { id: '00000000-0000-4000-8000-000000000001', type: 'tpm' },
      ...protectors.map((protector) =>
        'recoveryKey' in protector
          ? { id: protector.protectorId, type: 'recoveryPassword' as const }
          : protector,
      ),
    ],
  }
}

/** A volume whose protectors could not be read. */
export function lockedVolume(volumeId: string): ReportedVolume {
  return {
    volumeId,
    volumeType: 'operatingSystem',
    mountPoint: 'C:',
    status: 'unknown',
    protection: 'unknown',
    protectors: null,
  }
}
