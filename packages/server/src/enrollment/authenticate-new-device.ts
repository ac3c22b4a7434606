/**
 * Verifies the signature of a device that enrols: by the public key that its token carries. It
 * proves that the sender has the private key, and nothing else; the enrolment token says the rest.
 */

import { createPublicKey, type KeyObject } from 'node:crypto'
import { DeviceRequestError, readClaimedSigner } from '@keydesk/contract/device-request'
import { jwkThumbprint } from '@keydesk/contract/jwk-thumbprint'
import type { FastifyRequest } from 'fastify'
import type { DeviceRequest } from '../access/actor.ts'
import { bearerToken } from '../access/enforce-permissions.ts'
import type { Deps } from '../deps.ts'
import { requestTarget, unauthorized, verifyOrRefuse } from '../devices/authenticate-device.ts'
import { requestIdentity } from '../devices/request-identity.ts'

export interface NewDeviceKey {
  readonly keyThumbprint: string
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer
  readonly request: DeviceRequest
}

/** Throws AppError with a 401 code. */
export async function authenticateNewDevice(
  deps: Pick<Deps, 'config' | 'clock'>,
  request: FastifyRequest,
): Promise<NewDeviceKey> {
  const token = bearerToken(request)
  if (token === undefined) throw unauthorized()
  const publicKey = claimedKey(token)
  const keyThumbprint = jwkThumbprint(publicKey)
  const claims = await verifyOrRefuse({
    token,
    publicKey,
    subject: keyThumbprint,
    target: requestTarget(deps, request),
    now: deps.clock.now(),
  })
  return {
    keyThumbprint,
    publicKey: publicKey.export({ format: 'der', type: 'spki' }),
    request: requestIdentity(claims),
  }
}

/** Attacker-controlled: OpenSSL refuses coordinates that are not a point of the curve. */
function claimedKey(token: string): KeyObject {
  try {
    const signer = readClaimedSigner(token)
    if ('publicKey' in signer) return createPublicKey({ key: signer.publicKey, format: 'jwk' })
  } catch (error) {
    const isForeseen = error instanceof DeviceRequestError || isKeyError(error)
    if (!isForeseen) throw error
  }
  throw unauthorized()
}

function isKeyError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^ERR_(CRYPTO|OSSL)/.test(String(error.code))
}
