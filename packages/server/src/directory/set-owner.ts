/**
 * Who owns a device, by hand. An owner is shown the keys by self-service, which no role, budget or
 * approval rule of a role bounds. So whoever names an owner must be somebody who may read the keys
 * of the device and has just proved who he is, and nobody names himself.
 */

import { LIMITS, type DeviceOwnership, type OwnedDevicePage } from '@keydesk/contract'
import type { OwnedDeviceQuery, UserReference } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import type { PrincipalActor } from '../access/actor.ts'
import { reachesEverywhere } from '../access/grants.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
import { reachesDevice } from '../access/within-reach.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { decodeNameCursor, pageLimit, pageOf } from '../http/page-cursor.ts'
import { changeOwner } from './change-owner.ts'
import type { ChangedBy } from './changed-by.ts'
import { ownedDeviceReaches, unknownUser } from './list-users.ts'
import { selectOwner, selectOwnerHistory, type OwnerRow } from './owner-queries.ts'
import { selectOwnedDevices, selectUser } from './user-queries.ts'

export const READ_KEYS = 'microsoft.directory/bitlockerKeys/key/read'

/**
 * `userId` undefined: nobody, which anybody may say who may change owners. Idempotent. Throws
 * AppError NOT_FOUND, FORBIDDEN, STEP_UP_REQUIRED.
 */
export async function setOwner(
  deps: Deps,
  by: ChangedBy,
  deviceId: string,
  userId: string | undefined,
): Promise<DeviceOwnership> {
  await deps.db.transaction().execute(async (trx) => {
    if (userId !== undefined) await requireReadsKeys(deps, trx, by.principal, deviceId)
    const isChanged = await changeOwner(trx, by, { deviceId, ownerId: userId, cause: 'byHand' })
    // After the change, which is rolled back: whoever is the owner already is told no lie, and by
    // now nobody else can become it in between.
    if (isChanged && userId !== undefined && userId === by.principal?.id) {
      throw new AppError('FORBIDDEN', 'Somebody else has to make you the owner of this device.')
    }
  })
  return await showOwnership(deps, deviceId)
}

async function requireReadsKeys(
  deps: Deps,
  trx: Transaction<Database>,
  principal: PrincipalActor | undefined,
  deviceId: string,
): Promise<void> {
  if (principal === undefined) return
  if (!(await reachesDevice(trx, principal.grants.reach(READ_KEYS), deviceId))) {
    throw new AppError(
      'FORBIDDEN',
      `To name an owner of this device needs the permission ${READ_KEYS} for it too.`,
    )
  }
  requireRecentSignIn(deps, principal)
}

export async function showOwnership(deps: Deps, deviceId: string): Promise<DeviceOwnership> {
  const [owner, history] = await Promise.all([
    selectOwner(deps.db, deviceId),
    selectOwnerHistory(deps.db, deviceId, LIMITS.pageSizeMax),
  ])
  return {
    ...(owner === undefined ? {} : { owner: toReference(owner) }),
    history: history.map(({ changed_at, cause, from, to }) => ({
      changedAt: changed_at.toISOString(),
      ...(from === null ? {} : { from: toReference(from) }),
      ...(to === null ? {} : { to: toReference(to) }),
      // The CHECK of the table lets in only what the contract names.
      cause: cause as DeviceOwnership['history'][number]['cause'],
    })),
  }
}

/**
 * The devices of a user that the principal may see. Throws AppError NOT_FOUND for a user that there
 * is not, and for one of whom the principal may know nothing.
 */
export async function listDevicesOfUser(
  deps: Deps,
  { grants }: PrincipalActor,
  userId: string,
  query: OwnedDeviceQuery,
): Promise<OwnedDevicePage> {
  const limit = pageLimit(query.limit)
  const rows = await selectOwnedDevices(deps.db, {
    userId,
    reaches: ownedDeviceReaches(grants),
    after: decodeNameCursor(query.after),
    limit: limit + 1,
  })
  if (rows.length === 0 && query.after === undefined) {
    const mayKnow = reachesEverywhere(grants.reach('microsoft.directory/users/standard/read'))
    if (!mayKnow || (await selectUser(deps.db, userId)) === undefined) throw unknownUser()
  }
  return pageOf(rows, limit, {
    item: ({ id, name, enrolled_at }) => ({ id, name, enrolledAt: enrolled_at.toISOString() }),
    key: (row) => [row.sort_name, row.id],
  })
}

function toReference(row: OwnerRow): UserReference {
  return { id: row.id, userPrincipalName: row.user_principal_name, displayName: row.display_name }
}
