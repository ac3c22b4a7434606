/**
 * Makes the groups claim of a sign-in the user's memberships of the kind `claim`: what it names and
 * exists here is added, what it no longer names goes. Memberships that somebody assigned are not
 * touched. No claim, or one that the issuer could not send whole, means no such membership: it
 * fails closed.
 */

import type { Transaction } from 'kysely'
import { appendAudit, type NewAuditEntry } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { ChangedBy } from '../directory/changed-by.ts'
import {
  deleteClaimMemberships,
  insertClaimMemberships,
  selectGroupsByExternalId,
} from './user-queries.ts'

export async function takeClaimGroups(
  trx: Transaction<Database>,
  by: ChangedBy,
  userId: string,
  externalIds: readonly string[],
): Promise<void> {
  const named = await selectGroupsByExternalId(trx, externalIds)
  const groupIds = named.map(({ id }) => id)
  const removed = await deleteClaimMemberships(trx, userId, groupIds)
  const added = await insertClaimMemberships(trx, userId, groupIds, by.now)
  const entry = (action: NewAuditEntry['action'], groupId: string): NewAuditEntry => ({
    occurredAt: by.now,
    action,
    outcome: 'success',
    actor: by.actor,
    requestId: by.requestId,
    detail: { groupId, userId, source: 'claim' },
  })
  await appendAudit(trx, [
    ...removed.map((groupId) => entry('group.removeMember', groupId)),
    ...added.map((groupId) => entry('group.addMember', groupId)),
  ])
}
