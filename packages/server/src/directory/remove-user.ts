/**
 * Deletes a user: he is unknown everywhere from then on, loses every session and token, his groups,
 * his role assignments and his devices, which have no owner afterwards. His row and what he did
 * stay on record under his ID, and his principal name is free for another.
 */

import type { Transaction } from 'kysely'
import { keepAnAdministrator } from '../access/keep-an-administrator.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import { changeOwners } from './change-owner.ts'
import { requireAuthority, type ChangedBy } from './changed-by.ts'
import { endSignIns } from './end-sign-ins.ts'
import { unknownUser } from './list-users.ts'
import { selectDeviceIdsOfOwner } from './owner-queries.ts'
import { deleteUserTies, lockUser, markUserDeleted } from './user-queries.ts'

/**
 * Must be the first in its transaction that locks a row (see `keepAnAdministrator`). Throws
 * AppError NOT_FOUND, LAST_ADMINISTRATOR, and FORBIDDEN where the user holds roles and
 * `by.principal` may not give roles.
 */
export async function removeUser(
  trx: Transaction<Database>,
  by: ChangedBy,
  userId: string,
): Promise<void> {
  await keepAnAdministrator(trx, by.now, async () => {
    const user = await lockUser(trx, userId)
    if (user === undefined) throw unknownUser()
    await requireAuthority(trx, by, userId)
    await endSignIns(trx, [userId], by.now)
    const deviceIds = await selectDeviceIdsOfOwner(trx, userId)
    const toNobody = deviceIds.map((deviceId) => ({ deviceId, ownerId: undefined }))
    await changeOwners(trx, by, toNobody, 'ownerDeleted')
    const ties = await deleteUserTies(trx, userId)
    await markUserDeleted(trx, userId, by.now)
    await appendAudit(trx, [
      {
        occurredAt: by.now,
        action: 'user.delete',
        outcome: 'success',
        actor: by.actor,
        requestId: by.requestId,
        detail: {
          userId,
          userPrincipalName: user.user_principal_name,
          devices: deviceIds.length,
          ...ties,
        },
      },
    ])
  })
}
