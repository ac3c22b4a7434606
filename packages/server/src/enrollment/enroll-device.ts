/**
 * Enrols a device: its public key gets a device ID.
 *
 * Idempotent on the public key. The same key again gets the same ID, even when its token has been
 * used up or revoked since: whoever holds the private key is that device. A token is used once per
 * device, in the transaction that makes the device, so a crash or a lost answer costs no use.
 */

import { randomUUID } from 'node:crypto'
import type { DeviceFacts } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { hashSecretToken, isSecretToken } from '../access/secret-token.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { deviceFactColumns } from '../devices/device-facts.ts'
import { placeDevice } from '../directory/place-device.ts'
import { AppError } from '../errors.ts'
import { insertDevice, selectDeviceByKey, useToken } from './queries.ts'

export interface NewDevice {
  /** RFC 7638 thumbprint, verified to be the signer of the request. */
  readonly keyThumbprint: string
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer
  readonly enrollmentToken: string
  readonly facts: DeviceFacts
  readonly requestId: string
}

/** Returns the device ID. Throws AppError ENROLLMENT_TOKEN_INVALID. */
export async function enrollDevice(
  deps: Pick<Deps, 'db' | 'clock' | 'keyring'>,
  device: NewDevice,
): Promise<string> {
  const known = await selectDeviceByKey(deps.db, device.keyThumbprint)
  if (known !== undefined) return known
  try {
    return await deps.db.transaction().execute(async (trx) => await addDevice(trx, deps, device))
  } catch (error) {
    // The same device may have enrolled meanwhile, with the last use of the token or another one;
    // what this attempt did is rolled back, the use of its token too.
    const enrolledMeanwhile = await selectDeviceByKey(deps.db, device.keyThumbprint)
    if (enrolledMeanwhile !== undefined) return enrolledMeanwhile
    throw error
  }
}

async function addDevice(
  trx: Transaction<Database>,
  deps: Pick<Deps, 'clock' | 'keyring'>,
  device: NewDevice,
): Promise<string> {
  const now = deps.clock.now()
  const { enrollmentToken, facts } = device
  const token = isSecretToken('enroll', enrollmentToken)
    ? await useToken(trx, hashSecretToken(deps.keyring, enrollmentToken), now)
    : undefined
  if (token === undefined) {
    throw new AppError(
      'ENROLLMENT_TOKEN_INVALID',
      'It is not known, has expired, was revoked or has no uses left. Ask an administrator for another.',
    )
  }
  const id = randomUUID()
  await insertDevice(trx, {
    id,
    key_thumbprint: device.keyThumbprint,
    public_key: device.publicKey,
    ...deviceFactColumns(facts),
    group_name: token.group_name,
    enrollment_token_id: token.id,
    enrolled_at: now,
  })
  await appendAudit(trx, [
    {
      occurredAt: now,
      action: 'device.enroll',
      outcome: 'success',
      actor: { type: 'device', id, name: facts.name },
      deviceId: id,
      requestId: device.requestId,
      detail: { enrollmentTokenId: token.id },
    },
  ])
  await placeDevice(trx, id, { now, requestId: device.requestId })
  return id
}
