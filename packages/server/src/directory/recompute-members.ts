/**
 * Puts every device into the set that a new rule selects it for, in the transaction of the rule's
 * change. No device is placed meanwhile (`lockRules`), so none is left where an older rule, or
 * older facts, put it.
 */

import type { Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'
import { matchesMembershipRule } from './matches-membership-rule.ts'
import type { MembershipRule } from './membership-rule.ts'
import { replaceMembers, selectFactsInBatches } from './rule-queries.ts'

/** Only after `lockRules`. Returns how many devices came and went. */
export async function recomputeMembers(
  trx: Transaction<Database>,
  deviceSetId: string,
  rule: MembershipRule,
  now: Date,
): Promise<{ added: number; removed: number }> {
  const total = { added: 0, removed: 0 }
  for await (const batch of selectFactsInBatches(trx)) {
    const selected = batch.filter((facts) => matchesMembershipRule(rule, facts))
    const ids = batch.map(({ id }) => id)
    const selectedIds = selected.map(({ id }) => id)
    const { added, removed } = await replaceMembers(trx, deviceSetId, { ids, selectedIds }, now)
    total.added += added
    total.removed += removed
  }
  return total
}
