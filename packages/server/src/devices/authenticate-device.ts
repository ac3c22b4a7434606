/**
 * Finds out which device signed a request (docs/spec/device-requests.md).
 *
 * An unknown device, another device's key and a bad signature get one and the same answer, after
 * the same work. What is wrong with a token whose signature holds is said, so that an honest device
 * can mend it: above all its clock.
 */

import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import {
  DeviceRequestError,
  readClaimedSigner,
  verifyDeviceRequest,
  type DeviceRequestErrorCode,
} from '@keydesk/contract/device-request'
import { publicKeyFromSpki } from '@keydesk/contract/public-key'
import type { FastifyRequest } from 'fastify'
import type { DeviceActor } from '../access/actor.ts'
import { Coalescer } from '../db/coalescer.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { requestIdentity } from './request-identity.ts'
import { selectDeviceKeys, type DeviceKeyRow } from './request-queries.ts'

const BATCH_SIZE_MAX = 200
const BATCHES_MAX = 2
/** A parsed key takes about 2 KiB; parsing one takes 40 µs. */
const PARSED_KEYS_MAX = 20_000

export type AuthenticateDevice = (request: FastifyRequest, token: string) => Promise<DeviceActor>

/** The returned function throws AppError with a 401 code; it does not remember the request. */
export function createDeviceAuthenticator(
  deps: Pick<Deps, 'db' | 'config' | 'clock'>,
): AuthenticateDevice {
  const parsedKeys = new ParsedKeys()
  // Its private half is thrown away: nothing verifies with it.
  const nobodysKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
  const lookUp = new Coalescer<string, DeviceKeyRow | undefined>({
    run: async (deviceIds) => {
      const rows = await selectDeviceKeys(deps.db, deviceIds)
      const byId = new Map(rows.map((row) => [row.id, row]))
      return deviceIds.map((id) => byId.get(id))
    },
    batchSizeMax: BATCH_SIZE_MAX,
    batchesMax: BATCHES_MAX,
    retriesAlone: false,
  })

  return async (request, token) => {
    const deviceId = claimedDevice(token)
    const device = await lookUp.submit(deviceId)
    const claims = await verifyOrRefuse({
      token,
      publicKey: device === undefined ? nobodysKey : parsedKeys.get(device.public_key),
      subject: deviceId,
      target: requestTarget(deps, request),
      now: deps.clock.now(),
    })
    if (device === undefined) throw unauthorized()
    return {
      type: 'device',
      id: device.id,
      name: device.name,
      reportDigest: device.report_digest ?? undefined,
      request: requestIdentity(claims),
    }
  }
}

/** What the token of this request must be bound to. */
export function requestTarget(deps: Pick<Deps, 'config'>, request: FastifyRequest) {
  return {
    origin: deps.config.origin,
    method: request.method,
    url: request.url,
    body: request.rawBody,
  }
}

/** `verifyDeviceRequest`, with the API's errors. */
export async function verifyOrRefuse(
  options: Parameters<typeof verifyDeviceRequest>[0],
): ReturnType<typeof verifyDeviceRequest> {
  try {
    return await verifyDeviceRequest(options)
  } catch (error) {
    throw error instanceof DeviceRequestError ? toAppError(error) : error
  }
}

export function unauthorized(): AppError {
  return new AppError(
    'DEVICE_UNAUTHORIZED',
    'The device is not known or its signature does not hold. If this lasts, enrol again.',
  )
}

function claimedDevice(token: string): string {
  try {
    const signer = readClaimedSigner(token)
    if ('deviceId' in signer) return signer.deviceId
  } catch (error) {
    if (!(error instanceof DeviceRequestError)) throw error
  }
  throw unauthorized()
}

/** What each defect of a token is to the caller. Whatever is not said gives nothing away. */
const BINDING_CODES: ReadonlySet<DeviceRequestErrorCode> = new Set([
  'AUDIENCE',
  'METHOD',
  'URL',
  'BODY',
])

function toAppError(error: DeviceRequestError): AppError {
  if (error.code === 'CLOCK') {
    return new AppError(
      'CLOCK_SKEW',
      'Take the time from the Date header of this answer and send the request again.',
      { cause: error },
    )
  }
  if (BINDING_CODES.has(error.code)) {
    return new AppError(
      'REQUEST_NOT_BOUND',
      `The signature is for another request: ${error.message}.`,
      { cause: error },
    )
  }
  return unauthorized()
}

/** Least recently used first. */
class ParsedKeys {
  readonly #keys = new Map<string, KeyObject>()

  get(spki: Buffer): KeyObject {
    const name = spki.toString('latin1')
    const key = this.#keys.get(name) ?? publicKeyFromSpki(spki)
    this.#keys.delete(name)
    this.#keys.set(name, key)
    if (this.#keys.size > PARSED_KEYS_MAX) {
      for (const oldest of this.#keys.keys()) {
        this.#keys.delete(oldest)
        break
      }
    }
    return key
  }
}
