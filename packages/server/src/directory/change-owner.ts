/**
 * Gives devices to their owners, or takes them away. Whoever owned a device before may know its
 * recovery passwords, so they are to be replaced at once; the first owner opens no rotation.
 * Roles and their scopes do not change: they follow the device.
 *
 * Idempotent: a device that is already its owner's is left as it is and nothing is recorded.
 */

import type { OwnerChange } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { requestRotations } from '../rotation/request-rotations.ts'
import type { ChangedBy } from './changed-by.ts'
import {
  lockOwnedDevices,
  lockOwners,
  selectActiveKeys,
  writeOwnerChanges,
  type OwnerChangeRow,
} from './owner-queries.ts'

type By = Omit<ChangedBy, 'principal'>

export interface NewOwner {
  readonly deviceId: string
  /** Undefined: nobody. */
  readonly ownerId: string | undefined
}

/** Returns whether anything changed. Throws AppError NOT_FOUND for an unknown device or user. */
export async function changeOwner(
  trx: Transaction<Database>,
  by: By,
  { cause, ...owner }: NewOwner & { readonly cause: OwnerChange['cause'] },
): Promise<boolean> {
  return (await changeOwners(trx, by, [owner], cause)).size > 0
}

/**
 * Many at once, each device no more than once. Returns the IDs of the devices that changed. Throws
 * AppError NOT_FOUND.
 */
export async function changeOwners(
  trx: Transaction<Database>,
  by: By,
  owners: readonly NewOwner[],
  cause: OwnerChange['cause'],
): Promise<ReadonlySet<string>> {
  const wanted = [...new Set(owners.flatMap(({ ownerId }) => ownerId ?? []))]
  const known = await lockOwners(trx, wanted)
  if (known.size < wanted.length) {
    throw new AppError('NOT_FOUND', 'There is no user with this ID.')
  }
  const current = await lockOwnedDevices(
    trx,
    owners.map(({ deviceId }) => deviceId),
  )
  const changes: OwnerChangeRow[] = []
  for (const { deviceId, ownerId } of owners) {
    const from = current.get(deviceId)
    if (from === undefined) throw new AppError('NOT_FOUND', 'There is no device with this ID.')
    const to = ownerId ?? null
    if (from !== to) changes.push({ device_id: deviceId, from_id: from, to_id: to })
  }
  if (changes.length === 0) return new Set()
  await writeOwnerChanges(trx, changes, { cause, now: by.now })
  await appendAudit(
    trx,
    changes.map((change) => ({
      occurredAt: by.now,
      action: 'device.ownerChange',
      outcome: 'success',
      actor: by.actor,
      deviceId: change.device_id,
      requestId: by.requestId,
      detail: {
        cause,
        ...(change.from_id === null ? {} : { fromUserId: change.from_id }),
        ...(change.to_id === null ? {} : { toUserId: change.to_id }),
      },
    })),
  )
  await rotateKeys(trx, by, changes)
  return new Set(changes.map(({ device_id }) => device_id))
}

/** Of the devices that had an owner. */
async function rotateKeys(
  trx: Transaction<Database>,
  by: By,
  changes: readonly OwnerChangeRow[],
): Promise<void> {
  const hadOwner = changes.filter(({ from_id }) => from_id !== null)
  if (hadOwner.length === 0) return
  const keys = await selectActiveKeys(
    trx,
    hadOwner.map(({ device_id }) => device_id),
  )
  await requestRotations(
    trx,
    keys.map((key) => ({
      keyId: key.id,
      deviceId: key.device_id,
      volumeId: key.volume_id,
      recoveryKeyId: key.protector_id,
      trigger: 'ownerChange',
      notBefore: by.now,
      now: by.now,
      actor: by.actor,
      requestId: by.requestId,
    })),
  )
}
