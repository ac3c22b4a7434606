/**
 * What demands a second person before a recovery password is shown: an administrative unit or
 * device group (whoever asks for the key of one of its devices), or a role (whoever holds it,
 * whatever other role would allow the disclosure). To change a rule needs a recent sign-in.
 */

import { randomUUID } from 'node:crypto'
import {
  builtInRole,
  LIMITS,
  type ApprovalRule,
  type ApprovalRuleList,
  type CreateApprovalRule,
} from '@keydesk/contract'
import { auditActor, type ByPrincipal } from '../access/actor.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import {
  countApprovalRules,
  deleteApprovalRule,
  existsCustomRole,
  existsDeviceSet,
  insertApprovalRule,
  selectApprovalRules,
  type ApprovalRuleRow,
} from './approval-rule-queries.ts'

export async function listApprovalRules(deps: Pick<Deps, 'db'>): Promise<ApprovalRuleList> {
  const rows = await selectApprovalRules(deps.db, { limit: LIMITS.approvalRulesMax })
  return { items: rows.map(toRule) }
}

/** Throws AppError STEP_UP_REQUIRED, NOT_FOUND, NAME_TAKEN or INVALID_REQUEST. */
export async function createApprovalRule(
  deps: Deps,
  { principal, requestId }: ByPrincipal,
  { deviceSetId, roleId }: CreateApprovalRule,
): Promise<ApprovalRule> {
  requireRecentSignIn(deps, principal)
  const now = deps.clock.now()
  const id = randomUUID()
  return await deps.db.transaction().execute(async (trx) => {
    if (deviceSetId !== undefined && !(await existsDeviceSet(trx, deviceSetId))) {
      throw new AppError('NOT_FOUND', 'There is no unit or group with this deviceSetId.')
    }
    if (roleId !== undefined && builtInRole(roleId) === undefined) {
      if (!(await existsCustomRole(trx, roleId))) {
        throw new AppError('NOT_FOUND', 'There is no role with this roleId.')
      }
    }
    if ((await countApprovalRules(trx)) >= LIMITS.approvalRulesMax) {
      throw new AppError('INVALID_REQUEST', `There can be ${LIMITS.approvalRulesMax} rules.`)
    }
    const rule = { id, deviceSetId, roleId, createdBy: principal.id, createdAt: now }
    if (!(await insertApprovalRule(trx, rule))) {
      throw new AppError('NAME_TAKEN', 'There is a rule about this already.')
    }
    await appendAudit(trx, [
      {
        occurredAt: now,
        action: 'approvalRule.create',
        outcome: 'success',
        actor: auditActor(principal),
        requestId,
        detail: {
          approvalRuleId: id,
          ...(deviceSetId === undefined ? {} : { deviceSetId }),
          ...(roleId === undefined ? {} : { roleId }),
        },
      },
    ])
    const [row] = await selectApprovalRules(trx, { id, limit: 1 })
    if (row === undefined) throw new Error('an approval rule is gone')
    return toRule(row)
  })
}

/** Throws AppError STEP_UP_REQUIRED or NOT_FOUND. */
export async function removeApprovalRule(
  deps: Deps,
  { principal, requestId }: ByPrincipal,
  id: string,
): Promise<void> {
  requireRecentSignIn(deps, principal)
  await deps.db.transaction().execute(async (trx) => {
    const [row] = await selectApprovalRules(trx, { id, limit: 1 })
    if (row === undefined || !(await deleteApprovalRule(trx, id))) {
      throw new AppError('NOT_FOUND', 'There is no approval rule with this ID.')
    }
    await appendAudit(trx, [
      {
        occurredAt: deps.clock.now(),
        action: 'approvalRule.delete',
        outcome: 'success',
        actor: auditActor(principal),
        requestId,
        detail: {
          approvalRuleId: id,
          ...(row.device_set_id === null ? {} : { deviceSetId: row.device_set_id }),
          ...(row.role_id === null ? {} : { roleId: row.role_id }),
        },
      },
    ])
  })
}

function toRule(row: ApprovalRuleRow): ApprovalRule {
  const { device_set_id: deviceSetId, role_id: roleId } = row
  const displayName =
    row.device_set_name ??
    row.role_name ??
    (roleId === null ? undefined : builtInRole(roleId)?.displayName)
  return {
    id: row.id,
    subject: {
      // The CHECKs of the tables let in only what the contract names.
      type:
        deviceSetId === null ? 'role' : (row.device_set_kind as ApprovalRule['subject']['type']),
      id: deviceSetId ?? roleId ?? '',
      ...(displayName === undefined ? {} : { displayName }),
    },
    createdAt: row.created_at.toISOString(),
  }
}
