/**
 * The budget: how many recovery passwords one person or program may be shown within a time. It bounds
 * what a stolen account can take. Exact under concurrency; disclosures that failed later count too.
 */

import type { Transaction } from 'kysely'
import type { Budget } from '../config-values.ts'
import type { Database } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { countDisclosures, lockBudgets } from './disclosure-queries.ts'

/**
 * For each wish, by its administrator's ID: undefined, or the refusal DISCLOSURE_BUDGET_EXCEEDED
 * with the time after which one more is allowed. Holds the budgets until the end of the
 * transaction.
 */
export async function withinBudget(
  trx: Transaction<Database>,
  budget: Budget,
  principalIds: readonly string[],
  now: Date,
): Promise<(AppError | undefined)[]> {
  const windowMs = budget.windowSeconds * 1000
  const distinct = [...new Set(principalIds)]
  await lockBudgets(trx, distinct)
  const used = await countDisclosures(trx, distinct, new Date(now.getTime() - windowMs))
  const taken = new Map<string, number>()
  return principalIds.map((id) => {
    const { count = 0, first = null } = used.get(id) ?? {}
    const takenNow = taken.get(id) ?? 0
    if (count + takenNow < budget.count) {
      taken.set(id, takenNow + 1)
      return undefined
    }
    const freeAt = (first ?? now).getTime() + windowMs
    return new AppError(
      'DISCLOSURE_BUDGET_EXCEEDED',
      `At most ${budget.count} recovery passwords are shown to one person within ` +
        `${budget.windowSeconds} seconds.`,
      { retryAfterSeconds: Math.max(1, Math.ceil((freeAt - now.getTime()) / 1000)) },
    )
  })
}
