/**
 * Enrols a device: its public key gets a device ID, by an enrolment token or by the sign-in of the
 * person who becomes its owner.
 *
 * Idempotent on the public key. The same key again gets the same ID, even when its token has been
 * used up or revoked since: whoever holds the private key is that device. A token is used once per
 * device, in the transaction that makes the device, so a crash or a lost answer costs no use. The
 * owner is set when the device is made and never by enrolling again, whoever signs in.
 */

import { randomUUID } from 'node:crypto'
import type { DeviceFacts } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { auditActor, type UserActor } from '../access/actor.ts'
import { hashSecretToken, isSecretToken } from '../access/secret-token.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { deviceFactColumns } from '../devices/device-facts.ts'
import { changeOwner } from '../directory/change-owner.ts'
import { placeDevice } from '../directory/place-device.ts'
import { AppError } from '../errors.ts'
import { authenticateNewOwner, type AuthenticateAccessToken } from './authenticate-new-owner.ts'
import {
  countEnrolledBy,
  insertDevice,
  lockActiveUser,
  selectDeviceByKey,
  useToken,
} from './queries.ts'

/** What allows it, as it was sent. */
export type EnrollmentProof =
  | { readonly enrollmentToken: string }
  | { readonly ownerAccessToken: string }

export interface NewDevice {
  /** RFC 7638 thumbprint, verified to be the signer of the request. */
  readonly keyThumbprint: string
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer
  readonly proof: EnrollmentProof
  readonly facts: DeviceFacts
  readonly requestId: string
}

type EnrollDeps = Pick<Deps, 'config' | 'db' | 'clock' | 'keyring'> & {
  readonly authenticateAccessToken: AuthenticateAccessToken
}

/** Once the proof is judged, as far as that is done outside of the transaction. */
type Way =
  | { readonly type: 'token'; readonly enrollmentToken: string }
  | { readonly type: 'signIn'; readonly owner: UserActor }

/**
 * Returns the device ID. Throws AppError ENROLLMENT_TOKEN_INVALID, ENROLLMENT_SIGN_IN_OFF,
 * ENROLLMENT_SIGN_IN_INVALID or ENROLLMENT_DEVICE_LIMIT.
 */
export async function enrollDevice(deps: EnrollDeps, device: NewDevice): Promise<string> {
  const known = await selectDeviceByKey(deps.db, device.keyThumbprint)
  if (known !== undefined) return known
  const way = await wayOf(deps, device.proof)
  try {
    return await deps.db
      .transaction()
      .execute(async (trx) => await addDevice(trx, deps, device, way))
  } catch (error) {
    // The same device may have enrolled meanwhile, with the last use of the token or another one;
    // what this attempt did is rolled back, the use of its token too.
    const enrolledMeanwhile = await selectDeviceByKey(deps.db, device.keyThumbprint)
    if (enrolledMeanwhile !== undefined) return enrolledMeanwhile
    throw error
  }
}

async function wayOf(deps: EnrollDeps, proof: EnrollmentProof): Promise<Way> {
  if ('enrollmentToken' in proof) return { type: 'token', ...proof }
  const { authenticateAccessToken } = deps
  const owner = await authenticateNewOwner(deps, authenticateAccessToken, proof.ownerAccessToken)
  return { type: 'signIn', owner }
}

async function addDevice(
  trx: Transaction<Database>,
  deps: EnrollDeps,
  device: NewDevice,
  way: Way,
): Promise<string> {
  const now = deps.clock.now()
  const { facts, requestId } = device
  const allowed =
    way.type === 'token'
      ? await spendToken(trx, deps, way.enrollmentToken, now)
      : await spendSignIn(trx, deps, way.owner)
  const id = randomUUID()
  await insertDevice(trx, {
    id,
    key_thumbprint: device.keyThumbprint,
    public_key: device.publicKey,
    ...deviceFactColumns(facts),
    ...allowed.columns,
    enrolled_at: now,
  })
  await appendAudit(trx, [
    {
      occurredAt: now,
      action: 'device.enroll',
      outcome: 'success',
      actor: { type: 'device', id, name: facts.name },
      deviceId: id,
      requestId,
      detail: allowed.detail,
    },
  ])
  await placeDevice(trx, id, { now, requestId })
  if (way.type === 'signIn') {
    const by = { actor: auditActor(way.owner), now, requestId }
    await changeOwner(trx, by, { deviceId: id, ownerId: way.owner.id, cause: 'enrollment' })
  }
  return id
}

async function spendToken(
  trx: Transaction<Database>,
  deps: EnrollDeps,
  enrollmentToken: string,
  now: Date,
) {
  const token = isSecretToken('enroll', enrollmentToken)
    ? await useToken(trx, hashSecretToken(deps.keyring, enrollmentToken), now)
    : undefined
  if (token === undefined) {
    throw new AppError(
      'ENROLLMENT_TOKEN_INVALID',
      'It is not known, has expired, was revoked or has no uses left. Ask an administrator for another.',
    )
  }
  return {
    columns: { group_name: token.group_name, enrollment_token_id: token.id },
    detail: { enrollmentTokenId: token.id },
  }
}

/** The lock on the person makes enrolments of his wait for each other, so the count is exact. */
async function spendSignIn(trx: Transaction<Database>, deps: EnrollDeps, owner: UserActor) {
  if (!(await lockActiveUser(trx, owner.id))) {
    throw new AppError('ENROLLMENT_SIGN_IN_INVALID', 'This person may not sign in any more.')
  }
  const max = deps.config.enrollDevicesPerUser
  if ((await countEnrolledBy(trx, owner.id)) >= max) {
    throw new AppError(
      'ENROLLMENT_DEVICE_LIMIT',
      `A person may enrol ${max} devices by signing in. Ask an administrator for an enrolment token.`,
    )
  }
  return {
    columns: { enrolled_by: owner.id },
    detail: { enrolledByUserId: owner.id, enrolledByName: owner.name },
  }
}
