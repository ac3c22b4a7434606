/** Ready-made escrow requests, one for each device: sealed and signed before the clock starts. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { EscrowRequest } from '@keydesk/contract'
import { encodeBase64Url } from '@keydesk/contract/base64url'
import { signDeviceRequest } from '@keydesk/contract/device-request'
import { sealRecoveryKey } from '@keydesk/contract/sealed-key'
import type { BenchDevice, BenchService } from './bench-service.ts'
import { postRequest } from './http-connection.ts'

const PATH = '/device/v1/escrow'
/** The longest that the contract allows, so that none expires while the others are made. */
const LIFETIME_SECONDS = 300

export interface EscrowOfDevice {
  readonly protectorId: string
  readonly bytes: Uint8Array
}

export async function makeEscrowRequests(
  { origin, vaultPublicKey }: BenchService,
  devices: readonly BenchDevice[],
): Promise<EscrowOfDevice[]> {
  const requests: EscrowOfDevice[] = []
  for (const { id: deviceId, privateKey, publicKey } of devices) {
    const [volumeId, protectorId] = [randomUUID(), randomUUID()]
    const sealedKey = sealRecoveryKey({
      recoveryKey: randomBytes(16),
      vaultPublicKey,
      binding: { deviceId, volumeId, protectorId },
    })
    const body = JSON.stringify({
      volumeId,
      volumeType: 'operatingSystem',
      mountPoint: 'C:',
      protectorId,
      sealedKey: encodeBase64Url(sealedKey),
    } satisfies EscrowRequest)
    const token = await signDeviceRequest({
      privateKey,
      publicKey,
      deviceId,
      target: { origin, method: 'POST', url: PATH, body: new TextEncoder().encode(body) },
      issuedAt: new Date(),
      lifetimeSeconds: LIFETIME_SECONDS,
    })
    requests.push({ protectorId, bytes: postRequest(PATH, token, body) })
  }
  return requests
}
