/**
 * Which limits bind somebody: a budget of his own if he has one, else the strictest of each kind
 * among the roles that he holds. Where none of them has a hard limit, the setting
 * KEYDESK_DISCLOSURE_BUDGET is it, so there always is one.
 */

import type { Budget } from '../config-values.ts'
import type { BudgetRow } from './disclosure-rule-queries.ts'

export interface BudgetLimits {
  /** Past these each disclosure needs a new sign-in. */
  readonly soft: readonly Budget[]
  /** Past these none is shown. */
  readonly hard: readonly Budget[]
}

const HOUR_SECONDS = 3600
const DAY_SECONDS = 86_400

export function budgetLimits(budgets: readonly BudgetRow[], fallback: Budget): BudgetLimits {
  const own = budgets.filter(({ subject_type }) => subject_type === 'principal')
  const binding = own.length > 0 ? own : budgets
  const strictest = (
    column: 'soft_per_hour' | 'soft_per_day' | 'hard_per_hour' | 'hard_per_day',
  ): number | null =>
    binding.reduce<number | null>((least, row) => lesser(least, row[column]), null)
  const hard = perHourAndDay(strictest('hard_per_hour'), strictest('hard_per_day'))
  return {
    soft: perHourAndDay(strictest('soft_per_hour'), strictest('soft_per_day')),
    hard: hard.length > 0 ? hard : [fallback],
  }
}

/**
 * What binds somebody as an owner: the limits of the self-service policy, and where it has none,
 * the same setting. Whoever is made the owner of many devices is not shown all their keys at once.
 */
export function selfServiceLimits(
  policy: { readonly hourly_limit: number | null; readonly daily_limit: number | null },
  fallback: Budget,
): BudgetLimits {
  const hard = perHourAndDay(policy.hourly_limit, policy.daily_limit)
  return { soft: [], hard: hard.length > 0 ? hard : [fallback] }
}

/** Null: no bound of this kind. */
function perHourAndDay(perHour: number | null, perDay: number | null): Budget[] {
  return [
    ...(perHour === null ? [] : [{ count: perHour, windowSeconds: HOUR_SECONDS }]),
    ...(perDay === null ? [] : [{ count: perDay, windowSeconds: DAY_SECONDS }]),
  ]
}

function lesser(a: number | null, b: number | null): number | null {
  if (a === null) return b
  return b === null ? a : Math.min(a, b)
}
