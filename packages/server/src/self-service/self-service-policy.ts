/**
 * The rules of self-service as administrators see and change them. Each change is on record with
 * what was before it and what is after it, and needs a recent sign-in.
 */

import {
  LIMITS,
  type SelfServicePolicy,
  type SetSelfServiceGroup,
  type UpdateSelfServicePolicy,
} from '@keydesk/contract'
import type { Kysely, Transaction } from 'kysely'
import { auditActor, type ByPrincipal } from '../access/actor.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
import { appendAudit, type NewAuditEntry } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import {
  deletePolicyGroup,
  lockPolicyGroup,
  selectPolicy,
  selectPolicyGroups,
  updatePolicy,
  upsertPolicyGroup,
  type PolicyRow,
} from './policy-queries.ts'

const COLUMNS = {
  allowedToReadBitlockerKeysForOwnedDevice: 'allowed_to_read_bitlocker_keys_for_owned_device',
  requiresEncryption: 'requires_encryption',
  seenWithinDays: 'seen_within_days',
  keyIdMustBeTyped: 'key_id_must_be_typed',
  hourlyLimit: 'hourly_limit',
  dailyLimit: 'daily_limit',
  helpdeskContact: 'helpdesk_contact',
} as const satisfies Record<keyof UpdateSelfServicePolicy, keyof PolicyRow>

export async function showPolicy(db: Kysely<Database>): Promise<SelfServicePolicy> {
  const [policy, groups] = await Promise.all([selectPolicy(db), selectPolicyGroups(db)])
  return {
    ...toSettings(policy),
    groups: groups.map(({ group_id, display_name, effect }) => ({
      groupId: group_id,
      displayName: display_name,
      effect: effect === 'allow' ? 'allow' : 'deny',
    })),
  }
}

/** What is not named stays as it is. Throws AppError STEP_UP_REQUIRED. */
export async function changePolicy(
  deps: Deps,
  by: ByPrincipal,
  wanted: UpdateSelfServicePolicy,
): Promise<SelfServicePolicy> {
  requireRecentSignIn(deps, by.principal)
  const now = deps.clock.now()
  await deps.db.transaction().execute(async (trx) => {
    const before = toSettings(await selectPolicy(trx, { lock: true }))
    const changed = Object.entries(wanted).filter(
      ([name, value]) => before[name as keyof typeof before] !== value,
    )
    if (changed.length === 0) return
    const columns = changed.map(([name, value]) => [COLUMNS[name as keyof typeof COLUMNS], value])
    await updatePolicy(trx, Object.fromEntries(columns) as Partial<PolicyRow>, {
      principalId: by.principal.id,
      now,
    })
    const was = changed.map(([name]) => [name, before[name as keyof typeof before]])
    await audit(trx, by, {
      occurredAt: now,
      action: 'selfServicePolicy.update',
      detail: {
        before: JSON.stringify(Object.fromEntries(was)),
        after: JSON.stringify(Object.fromEntries(changed)),
      },
    })
  })
  return await showPolicy(deps.db)
}

/** Throws AppError STEP_UP_REQUIRED, NOT_FOUND or INVALID_REQUEST. */
export async function setPolicyGroup(
  deps: Deps,
  by: ByPrincipal,
  groupId: string,
  { effect }: SetSelfServiceGroup,
): Promise<SelfServicePolicy> {
  requireRecentSignIn(deps, by.principal)
  const now = deps.clock.now()
  await deps.db.transaction().execute(async (trx) => {
    // One after the other, so that counting them is exact.
    await selectPolicy(trx, { lock: true })
    const before = await existingGroup(trx, groupId)
    if (before === effect) return
    const { length } = await selectPolicyGroups(trx)
    if (before === null && length >= LIMITS.selfServiceGroupsMax) {
      throw new AppError('INVALID_REQUEST', `There can be ${LIMITS.selfServiceGroupsMax} groups.`)
    }
    await upsertPolicyGroup(trx, { groupId, effect, principalId: by.principal.id, now })
    await audit(trx, by, {
      occurredAt: now,
      action: 'selfServicePolicy.setGroup',
      detail: { groupId, before: before ?? 'none', after: effect },
    })
  })
  return await showPolicy(deps.db)
}

/** Throws AppError STEP_UP_REQUIRED or NOT_FOUND. */
export async function removePolicyGroup(
  deps: Deps,
  by: ByPrincipal,
  groupId: string,
): Promise<void> {
  requireRecentSignIn(deps, by.principal)
  await deps.db.transaction().execute(async (trx) => {
    const before = await existingGroup(trx, groupId)
    if (before === null) throw new AppError('NOT_FOUND', 'Nothing is set for this group.')
    await deletePolicyGroup(trx, groupId)
    await audit(trx, by, {
      occurredAt: deps.clock.now(),
      action: 'selfServicePolicy.removeGroup',
      detail: { groupId, before, after: 'none' },
    })
  })
}

async function existingGroup(trx: Transaction<Database>, groupId: string): Promise<string | null> {
  const group = await lockPolicyGroup(trx, groupId)
  if (group === undefined) throw new AppError('NOT_FOUND', 'There is no group with this ID.')
  return group.effect
}

async function audit(
  trx: Transaction<Database>,
  { principal, requestId }: ByPrincipal,
  entry: Pick<NewAuditEntry, 'occurredAt' | 'action' | 'detail'>,
): Promise<void> {
  const actor = auditActor(principal)
  await appendAudit(trx, [{ ...entry, outcome: 'success', actor, requestId }])
}

function toSettings(row: PolicyRow): Required<UpdateSelfServicePolicy> {
  return {
    allowedToReadBitlockerKeysForOwnedDevice: row.allowed_to_read_bitlocker_keys_for_owned_device,
    requiresEncryption: row.requires_encryption,
    seenWithinDays: row.seen_within_days,
    keyIdMustBeTyped: row.key_id_must_be_typed,
    hourlyLimit: row.hourly_limit,
    dailyLimit: row.daily_limit,
    helpdeskContact: row.helpdesk_contact,
  }
}
