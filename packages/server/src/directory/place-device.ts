/**
 * Puts a device into the administrative units and device groups whose rules select it, and takes it
 * out of the others: in the transaction that makes it or changes what it says of itself. A change
 * of a rule at the same moment comes either wholly before or wholly after (`shareRules`).
 */

import type { Transaction } from 'kysely'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { deleteMemberships, insertMemberships } from './device-set-queries.ts'
import { matchesMembershipRule } from './matches-membership-rule.ts'
import type { MembershipRule } from './membership-rule.ts'
import { parseMembershipRule } from './parse-membership-rule.ts'
import {
  selectFactsOfDevice,
  selectRuledMemberships,
  selectRuledSets,
  shareRules,
  type RuledSetRow,
} from './rule-queries.ts'

/** Assigned members are left alone. Each change of a set has its audit entry. */
export async function placeDevice(
  trx: Transaction<Database>,
  deviceId: string,
  { now, requestId }: { readonly now: Date; readonly requestId: string },
): Promise<void> {
  await shareRules(trx)
  const sets = await selectRuledSets(trx)
  if (sets.length === 0) return
  const facts = await selectFactsOfDevice(trx, deviceId)
  if (facts === undefined) return
  const current = await selectRuledMemberships(trx, deviceId)
  const changed = sets.flatMap((set) => {
    const rule = knownRule(set.membership_rule)
    if (rule === undefined) return []
    const isMember = matchesMembershipRule(rule, facts)
    return isMember === current.has(set.id) ? [] : [{ set, isMember }]
  })
  const of = (wanted: boolean) =>
    changed
      .filter(({ isMember }) => isMember === wanted)
      .map(({ set }) => ({ device_set_id: set.id, device_id: deviceId }))
  await insertMemberships(trx, of(true), now)
  await deleteMemberships(trx, of(false))
  await appendAudit(
    trx,
    changed.map(({ set, isMember }) => ({
      occurredAt: now,
      action: `${set.kind}.${isMember ? 'addDevice' : 'removeDevice'}` as const,
      outcome: 'success',
      actor: { type: 'system' },
      deviceId,
      requestId,
      detail: { deviceSetId: set.id, displayName: set.display_name, byRule: true },
    })),
  )
}

/** Parsing costs more than judging one device; the texts are few. */
const parsed = new Map<string, MembershipRule>()
const PARSED_MAX = 10_000

/**
 * Undefined for a rule that this version cannot read (one written past the API, or by a newer
 * version): who is in its set stays so, and no device is kept from reporting.
 */
function knownRule(text: RuledSetRow['membership_rule']): MembershipRule | undefined {
  const known = parsed.get(text)
  if (known !== undefined) return known
  try {
    const rule = parseMembershipRule(text)
    if (parsed.size >= PARSED_MAX) parsed.clear()
    parsed.set(text, rule)
    return rule
  } catch (error) {
    if (error instanceof AppError) return undefined
    throw error
  }
}
