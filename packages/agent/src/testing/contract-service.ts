/**
 * The device routes of a service, made from the contract and nothing else: real signatures, real
 * sealing, real receipts, all in memory and behind `fetch`. Tests of the rules bend its answers;
 * the tests under test/e2e use the real service.
 */
import {
  CheckInRequest,
  EnrollRequest,
  ERROR_CODES,
  EscrowRequest,
  matches,
} from '@keydesk/contract'
import type { ErrorCode, PendingAction } from '@keydesk/contract'
import { decodeBase64Url } from '@keydesk/contract/base64url'
import {
  DeviceRequestError,
  readClaimedSigner,
  verifyDeviceRequest,
} from '@keydesk/contract/device-request'
import { jwkThumbprint } from '@keydesk/contract/jwk-thumbprint'
import { keyCheck, signReceipt } from '@keydesk/contract/receipt'
import { openSealedKey } from '@keydesk/contract/sealed-key'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { publicKeyOf } from '../device-key.ts'

interface StoredKey {
  readonly recoveryKey: Uint8Array
  readonly receipt: string
}

class Refused extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode) {
    super(code)
    this.code = code
  }
}

export class ContractService {
  readonly origin = 'https://keydesk.example'
  readonly vaultKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  readonly receiptKey = generateKeyPairSync('ed25519')
  readonly devices = new Map<string, KeyObject>()
  readonly keys = new Map<string, StoredKey>()
  readonly reports: CheckInRequest[] = []
  readonly seenTokens = new Set<string>()
  readonly enrolments: string[] = []
  policy = { requireEncryption: true, encryptionMethod: 'xts-aes-256' as const }
  actions: PendingAction[] = []
  mismatches: string[] = []
  /** Keeps asking for rotations that the disk shows to be over. */
  hasSlowProof = false
  /** Milliseconds since 1970. */
  now = Date.parse('2026-11-22T12:00:00Z')
  /** Bends a receipt before it is sent. */
  bend = (receipt: string): string => receipt

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const { pathname } = new URL(url)
    try {
      const body = init.body as Uint8Array
      const deviceId = await this.#authenticate(pathname, body, init)
      const json: unknown = JSON.parse(new TextDecoder().decode(body))
      return this.#answer(200, await this.#route(pathname, deviceId, json))
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      return this.refusal(error.code)
    }
  }

  refusal(code: ErrorCode, headers: Record<string, string> = {}): Response {
    const { status, title } = ERROR_CODES[code]
    const problem = { type: `/docs/errors#${code}`, title, status, detail: title, code }
    return this.#answer(status, { ...problem, requestId: 'r-1' }, headers)
  }

  keyFor(name: { volumeId: string; protectorId: string }): Uint8Array | undefined {
    const entry = [...this.keys].find(([id]) => id.endsWith(`${name.volumeId} ${name.protectorId}`))
    return entry?.[1].recoveryKey
  }

  /** Ask for a rotation at the next check-ins, as after a disclosure. */
  rotate(volumeId: string, protectorId: string): string {
    const id = randomUUID()
    const type = 'rotateRecoveryPassword'
    this.actions.push({ id, type, volumeId, protectorId, trigger: 'disclosure' })
    return id
  }

  #answer(status: number, body: object, headers: Record<string, string> = {}): Response {
    const date = new Date(this.now).toUTCString()
    return new Response(JSON.stringify(body), { status, headers: { date, ...headers } })
  }

  async #authenticate(url: string, body: Uint8Array, { headers }: RequestInit): Promise<string> {
    const { authorization = '' } = headers as Record<string, string>
    const token = authorization.replace('Bearer ', '')
    const signer = readClaimedSigner(token)
    const publicKey =
      'publicKey' in signer ? publicKeyOf(signer.publicKey) : this.devices.get(signer.deviceId)
    if (publicKey === undefined) throw new Refused('DEVICE_UNAUTHORIZED')
    const subject = 'publicKey' in signer ? jwkThumbprint(publicKey) : signer.deviceId
    const target = { origin: this.origin, method: 'POST', url, body }
    try {
      await verifyDeviceRequest({ token, publicKey, subject, target, now: new Date(this.now) })
    } catch (error) {
      if (!(error instanceof DeviceRequestError)) throw error
      throw new Refused(error.code === 'CLOCK' ? 'CLOCK_SKEW' : 'DEVICE_UNAUTHORIZED')
    }
    if (this.seenTokens.has(token)) throw new Refused('REQUEST_REPLAYED')
    this.seenTokens.add(token)
    if (!('publicKey' in signer)) return signer.deviceId
    const known = [...this.devices].find(([, key]) => key.equals(publicKey))
    const deviceId = known?.[0] ?? randomUUID()
    this.devices.set(deviceId, publicKey)
    return deviceId
  }

  async #route(path: string, deviceId: string, body: unknown): Promise<object> {
    if (path === '/device/v1/enroll' && matches(EnrollRequest, body)) {
      return this.#enroll(deviceId, body)
    }
    if (path === '/device/v1/escrow' && matches(EscrowRequest, body)) {
      return await this.#escrow(deviceId, body)
    }
    if (path === '/device/v1/check-in' && matches(CheckInRequest, body)) return this.#checkIn(body)
    throw new Refused('INVALID_REQUEST')
  }

  #enroll(deviceId: string, { enrollmentToken, ownerAccessToken }: EnrollRequest): object {
    this.enrolments.push(enrollmentToken ?? ownerAccessToken ?? '')
    const published = ({ publicKey }: { publicKey: KeyObject }) => ({
      id: jwkThumbprint(publicKey),
      publicKey: publicKey.export({ format: 'jwk' }),
    })
    return {
      deviceId,
      origin: this.origin,
      vaultKey: published(this.vaultKey),
      receiptKey: published(this.receiptKey),
      checkInIntervalSeconds: 3600,
    }
  }

  async #escrow(deviceId: string, request: EscrowRequest): Promise<object> {
    const { volumeId, protectorId, sealedKey } = request
    const binding = { deviceId, volumeId, protectorId }
    const recoveryKey = openSealedKey({
      sealedKey: decodeBase64Url(sealedKey) ?? new Uint8Array(),
      vaultPrivateKey: this.vaultKey.privateKey,
      binding,
    })
    const name = `${deviceId} ${volumeId} ${protectorId}`
    const known = this.keys.get(name)
    if (known !== undefined && !Buffer.from(known.recoveryKey).equals(recoveryKey)) {
      throw new Refused('PROTECTOR_CONFLICT')
    }
    const receipt =
      known?.receipt ??
      (await signReceipt({
        privateKey: this.receiptKey.privateKey,
        keyId: jwkThumbprint(this.receiptKey.publicKey),
        origin: this.origin,
        binding,
        keyCheck: keyCheck(recoveryKey, binding),
        escrowedAt: new Date(this.now),
      }))
    this.keys.set(name, { recoveryKey, receipt })
    return { receipt: this.bend(receipt) }
  }

  /** A rotation is over when the disk shows that it is, whatever the device claims. */
  #checkIn(report: CheckInRequest): object {
    this.reports.push(report)
    const isStored = (name: string) => [...this.keys.keys()].some((key) => key.endsWith(name))
    this.actions = this.actions.filter(({ volumeId, protectorId }) => {
      const list = report.volumes.find((volume) => volume.volumeId === volumeId)?.protectors
      if (this.hasSlowProof || !list || list.some(({ id }) => id === protectorId)) return true
      return !list.some(({ id }) => isStored(`${volumeId} ${id}`))
    })
    const listed = report.volumes.flatMap(({ volumeId, protectors }) =>
      (protectors ?? []).map(({ id }) => ({ volumeId, protectorId: id })),
    )
    return {
      policy: this.policy,
      actions: this.actions,
      keys: listed
        .filter(({ volumeId, protectorId }) => isStored(`${volumeId} ${protectorId}`))
        .map((name) => ({
          ...name,
          proof: this.mismatches.includes(name.protectorId) ? 'mismatch' : 'attested',
        })),
      checkInIntervalSeconds: 3600,
      serverTime: new Date(this.now).toISOString(),
      // A field of a later version: agents must not mind.
      motto: 'escrow first',
    }
  }
}
