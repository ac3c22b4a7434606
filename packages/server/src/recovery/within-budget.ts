/**
 * The budget: how many recovery passwords one person or program may be shown within a time. It
 * bounds what a stolen account can take. Exact under concurrency, since the caller holds the locks
 * of `lockBudgets`; disclosures that failed later count too. What an owner is shown of his own
 * devices counts apart.
 */

import type { Transaction } from 'kysely'
import { stepUpAcrValues } from '../access/step-up-acr.ts'
import type { PrincipalActor } from '../access/actor.ts'
import type { Budget } from '../config-values.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import type { BudgetLimits } from './budget-limits.ts'
import { selectBudgetUse, type BudgetUse } from './disclosure-rule-queries.ts'

export interface BudgetWish {
  readonly principal: PrincipalActor
  readonly isSelfService: boolean
  readonly limits: BudgetLimits
}

export interface BudgetRefusal {
  readonly error: AppError
  /** The hard limit that is used up; undefined: a new sign-in is enough. */
  readonly exceeded: Budget | undefined
}

/**
 * For each wish undefined, or the refusal: DISCLOSURE_BUDGET_EXCEEDED with the time after which one
 * more is allowed, or STEP_UP_REQUIRED.
 */
export async function withinBudget(
  deps: Pick<Deps, 'config'>,
  trx: Transaction<Database>,
  wishes: readonly BudgetWish[],
  now: Date,
): Promise<(BudgetRefusal | undefined)[]> {
  if (wishes.length === 0) return []
  const windows = wishes.flatMap(({ limits }) =>
    [...limits.soft, ...limits.hard].map(({ windowSeconds }) => windowSeconds),
  )
  const principalIds = [...new Set(wishes.map(({ principal }) => principal.id))]
  const used =
    windows.length === 0 ? [] : await selectBudgetUse(trx, principalIds, [...new Set(windows)], now)
  const taken = new Map<string, number>()
  return wishes.map((wish) => {
    const account = `${wish.principal.id} ${wish.isSelfService}`
    const takenNow = taken.get(account) ?? 0
    const refusal = judge(deps, wish, { used: usedBy(wish, used), takenNow, now })
    if (refusal === undefined) taken.set(account, takenNow + 1)
    return refusal
  })
}

interface Account {
  readonly used: readonly BudgetUse[]
  /** In this very batch. */
  readonly takenNow: number
  readonly now: Date
}

function usedBy({ principal, isSelfService }: BudgetWish, used: readonly BudgetUse[]) {
  return used.filter(
    (use) => use.principal_id === principal.id && use.is_self_service === isSelfService,
  )
}

function judge(
  deps: Pick<Deps, 'config'>,
  { principal, limits }: BudgetWish,
  { used, takenNow, now }: Account,
): BudgetRefusal | undefined {
  const of = ({ windowSeconds }: Budget): BudgetUse | undefined =>
    used.find((use) => use.window_seconds === windowSeconds)
  const isUsedUp = (limit: Budget): boolean => (of(limit)?.count ?? 0) + takenNow >= limit.count
  const freeAt = (limit: Budget): number =>
    (of(limit)?.first ?? now).getTime() + limit.windowSeconds * 1000
  const [exceeded] = limits.hard.filter(isUsedUp).toSorted((a, b) => freeAt(b) - freeAt(a))
  if (exceeded !== undefined) {
    const retryAfterSeconds = Math.max(1, Math.ceil((freeAt(exceeded) - now.getTime()) / 1000))
    return { exceeded, error: budgetExceeded(exceeded, retryAfterSeconds) }
  }
  const last = limits.soft.filter(isUsedUp).map((limit) => (takenNow > 0 ? now : of(limit)?.last))
  const isFresh = last.every((at) => at === undefined || isSignedInAfter(principal, at))
  return isFresh ? undefined : { exceeded: undefined, error: signInAgain(deps) }
}

function budgetExceeded({ count, windowSeconds }: Budget, retryAfterSeconds: number): AppError {
  return new AppError(
    'DISCLOSURE_BUDGET_EXCEEDED',
    `At most ${count} recovery passwords are shown to one person within ${windowSeconds} seconds.`,
    { retryAfterSeconds },
  )
}

/** A program has nobody who could sign in: only hard limits bind it. */
function isSignedInAfter(principal: PrincipalActor, at: Date): boolean {
  if (principal.type === 'app') return true
  return principal.authenticatedAt !== undefined && principal.authenticatedAt > at
}

function signInAgain({ config }: Pick<Deps, 'config'>): AppError {
  const detail =
    'So many recovery passwords were shown to you that each further one needs a new sign-in.'
  const acrValues = stepUpAcrValues(config)
  const acr = acrValues.length === 0 ? '' : `, acr_values="${acrValues.join(' ')}"`
  return new AppError('STEP_UP_REQUIRED', detail, {
    // RFC 9470 §3
    challenge: `Bearer error="insufficient_user_authentication", error_description="${detail}", max_age="0"${acr}`,
  })
}
