/**
 * Budgets as administrators see and set them. Each change is on record with before and after, and
 * needs a recent sign-in.
 */

import {
  builtInRole,
  type DisclosureBudget,
  type DisclosureBudgetList,
  type SetDisclosureBudget,
} from '@keydesk/contract'
import { auditActor, type ByPrincipal } from '../access/actor.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import {
  deleteBudget,
  existsBudgetSubject,
  selectBudgets,
  upsertBudget,
  type BudgetSubject,
} from './budget-queries.ts'
import type { BudgetRow } from './disclosure-rule-queries.ts'

export async function listBudgets(deps: Pick<Deps, 'db'>): Promise<DisclosureBudgetList> {
  return { items: (await selectBudgets(deps.db)).map(toBudget) }
}

/** Replaces the budget as a whole. Throws AppError STEP_UP_REQUIRED or NOT_FOUND. */
export async function setBudget(
  deps: Deps,
  { principal, requestId }: ByPrincipal,
  subject: BudgetSubject,
  limits: SetDisclosureBudget,
): Promise<DisclosureBudget> {
  requireRecentSignIn(deps, principal)
  const now = deps.clock.now()
  const row: BudgetRow = {
    subject_type: subject.type,
    subject_id: subject.id,
    soft_per_hour: limits.softPerHour ?? null,
    soft_per_day: limits.softPerDay ?? null,
    hard_per_hour: limits.hardPerHour ?? null,
    hard_per_day: limits.hardPerDay ?? null,
  }
  return await deps.db.transaction().execute(async (trx) => {
    const isBuiltIn = subject.type === 'role' && builtInRole(subject.id) !== undefined
    if (!isBuiltIn && !(await existsBudgetSubject(trx, subject))) {
      const what = subject.type === 'role' ? 'role' : 'user or app'
      throw new AppError('NOT_FOUND', `There is no ${what} with this ID.`)
    }
    const [before] = await selectBudgets(trx, subject)
    await upsertBudget(trx, row, { principalId: principal.id, now })
    await appendAudit(trx, [
      {
        occurredAt: now,
        action: 'disclosureBudget.set',
        outcome: 'success',
        actor: auditActor(principal),
        requestId,
        detail: { ...subjectDetail(subject), before: words(before), after: words(row) },
      },
    ])
    return toBudget(row)
  })
}

/** Throws AppError STEP_UP_REQUIRED or NOT_FOUND. */
export async function removeBudget(
  deps: Deps,
  { principal, requestId }: ByPrincipal,
  subject: BudgetSubject,
): Promise<void> {
  requireRecentSignIn(deps, principal)
  await deps.db.transaction().execute(async (trx) => {
    const [before] = await selectBudgets(trx, subject)
    if (before === undefined || !(await deleteBudget(trx, subject))) {
      throw new AppError('NOT_FOUND', 'No budget is set for this ID.')
    }
    await appendAudit(trx, [
      {
        occurredAt: deps.clock.now(),
        action: 'disclosureBudget.delete',
        outcome: 'success',
        actor: auditActor(principal),
        requestId,
        detail: { ...subjectDetail(subject), before: words(before), after: words(undefined) },
      },
    ])
  })
}

function subjectDetail({ type, id }: BudgetSubject): Record<string, string> {
  return type === 'role' ? { roleId: id } : { principalId: id }
}

function words(row: BudgetRow | undefined): string {
  return row === undefined ? 'none' : JSON.stringify(limitsOf(row))
}

function toBudget(row: BudgetRow): DisclosureBudget {
  return { subject: { type: row.subject_type, id: row.subject_id }, ...limitsOf(row) }
}

function limitsOf(row: BudgetRow): SetDisclosureBudget {
  return {
    ...(row.soft_per_hour === null ? {} : { softPerHour: row.soft_per_hour }),
    ...(row.soft_per_day === null ? {} : { softPerDay: row.soft_per_day }),
    ...(row.hard_per_hour === null ? {} : { hardPerHour: row.hard_per_hour }),
    ...(row.hard_per_day === null ? {} : { hardPerDay: row.hard_per_day }),
  }
}
