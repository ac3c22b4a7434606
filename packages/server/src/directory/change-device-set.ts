/**
 * Makes, changes and deletes administrative units and device groups. Which devices are in a unit
 * that scopes role assignments decides who may read their keys; which are in one that an approval
 * rule is for, whether one person suffices. Only whoever may give roles, or change such rules,
 * changes that.
 */

import { randomUUID } from 'node:crypto'
import { LIMITS, type CreateDeviceSet } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { GIVE_ROLES } from '../access/require-authority-over.ts'
import { appendAudit, type NewAuditEntry } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import type { ChangedBy } from './changed-by.ts'
import { refuseInUse, refuseTakenName } from './database-refusal.ts'
import {
  countScopedAssignments,
  deleteDeviceSet,
  demandsApproval,
  insertDeviceSet,
  lockDeviceSet,
  updateDeviceSet,
  type DeviceSetChanges,
  type DeviceSetKind,
  type DeviceSetRow,
} from './device-set-queries.ts'
import { DEVICE_SET_WORDS, unknownDeviceSet } from './list-device-sets.ts'
import { parseMembershipRule } from './parse-membership-rule.ts'
import { recomputeMembers } from './recompute-members.ts'
import { requireEverywhere } from './require-everywhere.ts'
import { countRuledSets, lockRules } from './rule-queries.ts'

/** Returns the ID. Throws AppError NAME_TAKEN, MEMBERSHIP_RULE_INVALID. */
export async function addDeviceSet(
  trx: Transaction<Database>,
  by: ChangedBy,
  kind: DeviceSetKind,
  wanted: CreateDeviceSet,
): Promise<string> {
  const { displayName, description, membershipRule } = wanted
  const id = randomUUID()
  const rule = membershipRule === undefined ? undefined : parseMembershipRule(membershipRule)
  if (rule !== undefined) await lockRulesForOneMore(trx)
  await refuseTakenName(DEVICE_SET_WORDS[kind], async () => {
    await insertDeviceSet(trx, {
      id,
      kind,
      display_name: displayName,
      description: description ?? null,
      membership_rule: membershipRule ?? null,
      created_at: by.now,
      updated_at: by.now,
    })
  })
  const counts = rule === undefined ? {} : await recomputeMembers(trx, id, rule, by.now)
  await appendAudit(trx, [
    setEntry(by, { id, kind, display_name: displayName }, 'create', {
      ...(membershipRule === undefined ? {} : { membershipRule }),
      ...counts,
    }),
  ])
  return id
}

/**
 * Idempotent. Throws AppError NOT_FOUND, NAME_TAKEN, MEMBERSHIP_RULE_INVALID, FORBIDDEN.
 */
export async function changeDeviceSet(
  trx: Transaction<Database>,
  by: ChangedBy,
  kind: DeviceSetKind,
  { id, changes }: { readonly id: string; readonly changes: DeviceSetChanges },
): Promise<void> {
  const text = changes.membership_rule
  const rule = typeof text === 'string' ? parseMembershipRule(text) : undefined
  // Before the row: that is the order of everybody who needs both.
  if (text !== undefined) await (rule === undefined ? lockRules(trx) : lockRulesForOneMore(trx))
  const set = await lockDeviceSet(trx, kind, id)
  if (set === undefined) throw unknownDeviceSet(kind)
  const different: DeviceSetChanges = Object.fromEntries(
    Object.entries(changes).filter(
      ([name, value]) => value !== undefined && value !== set[name as keyof DeviceSetChanges],
    ),
  )
  if (Object.keys(different).length === 0) return
  const isNewRule = different.membership_rule !== undefined
  if (isNewRule) await requireAuthorityOverDevices(trx, by, set)
  await refuseTakenName(
    DEVICE_SET_WORDS[kind],
    async () => await updateDeviceSet(trx, id, different, by.now),
  )
  const counts =
    isNewRule && rule !== undefined ? await recomputeMembers(trx, id, rule, by.now) : {}
  await appendAudit(trx, [
    setEntry(by, { ...set, ...different }, 'update', {
      ...(isNewRule ? { membershipRule: text ?? '' } : {}),
      ...counts,
    }),
  ])
}

/** Throws AppError NOT_FOUND, and IN_USE while role assignments or rules refer to it. */
export async function removeDeviceSet(
  trx: Transaction<Database>,
  by: ChangedBy,
  kind: DeviceSetKind,
  id: string,
): Promise<void> {
  await lockRules(trx)
  const set = await lockDeviceSet(trx, kind, id)
  if (set === undefined) throw unknownDeviceSet(kind)
  const count = await countScopedAssignments(trx, id)
  if (count > 0) {
    throw new AppError(
      'IN_USE',
      `${count} role assignments have this administrative unit as their scope. Remove them first.`,
    )
  }
  const members = await refuseInUse(
    DEVICE_SET_WORDS[kind],
    async () => await deleteDeviceSet(trx, id),
  )
  await appendAudit(trx, [setEntry(by, set, 'delete', { members })])
}

/**
 * Throws AppError FORBIDDEN where the unit scopes role assignments and `by.principal` may not give
 * roles, and where disclosures of its devices need a second person and he may not change that.
 */
export async function requireAuthorityOverDevices(
  trx: Transaction<Database>,
  by: ChangedBy,
  { id }: Pick<DeviceSetRow, 'id'>,
): Promise<void> {
  if (by.principal === undefined) return
  if ((await countScopedAssignments(trx, id)) > 0) requireEverywhere(by.principal, GIVE_ROLES)
  if (await demandsApproval(trx, id)) {
    requireEverywhere(by.principal, 'keydesk/disclosureRules/manage')
  }
}

async function lockRulesForOneMore(trx: Transaction<Database>): Promise<void> {
  await lockRules(trx)
  if ((await countRuledSets(trx)) <= LIMITS.membershipRulesMax) return
  throw new AppError(
    'INVALID_REQUEST',
    `There are ${LIMITS.membershipRulesMax} units and groups with a rule already.`,
  )
}

export function setEntry(
  by: ChangedBy,
  set: Pick<DeviceSetRow, 'id' | 'display_name'> & { readonly kind: string },
  what: 'create' | 'update' | 'delete' | 'addDevice' | 'removeDevice',
  more: NonNullable<NewAuditEntry['detail']> & { readonly deviceId?: string },
): NewAuditEntry {
  const { deviceId, ...detail } = more
  return {
    occurredAt: by.now,
    // The CHECK of the table lets in only the two kinds.
    action: `${set.kind as DeviceSetKind}.${what}`,
    outcome: 'success',
    actor: by.actor,
    ...(deviceId === undefined ? {} : { deviceId }),
    requestId: by.requestId,
    detail: { deviceSetId: set.id, displayName: set.display_name, ...detail },
  }
}
