/**
 * Puts users into a group and takes them out. Where the group holds roles, only whoever may give
 * roles does so. Idempotent; each user who comes or goes has an audit entry.
 */

import type { ChangedMembers, ChangeMembers } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { keepAnAdministrator } from '../access/keep-an-administrator.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { groupEntry } from './change-group.ts'
import { requireAuthorityOverGroup, type ChangedBy } from './changed-by.ts'
import { deleteMembers, insertMembers, lockGroup, selectExistingUsers } from './group-queries.ts'
import { unknownGroup } from './list-groups.ts'

/**
 * Must be the first in its transaction that locks a row (see `keepAnAdministrator`). Who is in both
 * lists is a member afterwards. Throws AppError NOT_FOUND for the group or a user to be added,
 * FORBIDDEN, STEP_UP_REQUIRED, LAST_ADMINISTRATOR.
 */
export async function changeGroupMembers(
  trx: Transaction<Database>,
  by: ChangedBy,
  groupId: string,
  { add = [], remove = [] }: ChangeMembers,
): Promise<ChangedMembers> {
  return await keepAnAdministrator(trx, by.now, async () => {
    const group = await lockGroup(trx, groupId)
    if (group === undefined) throw unknownGroup()
    await requireAuthorityOverGroup(trx, by, groupId)
    const staying = new Set(add)
    const removed = await deleteMembers(
      trx,
      groupId,
      remove.filter((id) => !staying.has(id)),
    )
    const existing = await selectExistingUsers(trx, [...staying])
    const missing = add.find((id) => !existing.has(id))
    if (missing !== undefined) {
      throw new AppError('NOT_FOUND', `There is no user with the ID ${missing}.`)
    }
    const added = await insertMembers(trx, groupId, [...staying], by.now)
    const entry = (action: 'group.addMember' | 'group.removeMember', userId: string) =>
      groupEntry(by, action, { groupId, displayName: group.display_name, userId })
    await appendAudit(trx, [
      ...removed.map((userId) => entry('group.removeMember', userId)),
      ...added.map((userId) => entry('group.addMember', userId)),
    ])
    return { added: added.length, removed: removed.length }
  })
}
