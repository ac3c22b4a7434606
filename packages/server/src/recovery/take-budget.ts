/**
 * The budget: how many recovery passwords one administrator may be shown within a time. It bounds
 * what a stolen account can take. Exact under concurrency; requests that failed later count too.
 */

import type { Transaction } from 'kysely'
import type { Budget } from '../config-values.ts'
import type { Database } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { countDisclosures, lockBudget } from './disclosure-queries.ts'

/** Throws AppError DISCLOSURE_BUDGET_EXCEEDED with the time after which one more is allowed. */
export async function takeBudget(
  trx: Transaction<Database>,
  budget: Budget,
  administratorId: string,
  now: Date,
): Promise<void> {
  const windowMs = budget.windowSeconds * 1000
  await lockBudget(trx, administratorId)
  const since = new Date(now.getTime() - windowMs)
  const { count, first } = await countDisclosures(trx, administratorId, since)
  if (count < budget.count) return
  const freeAt = (first ?? now).getTime() + windowMs
  throw new AppError(
    'DISCLOSURE_BUDGET_EXCEEDED',
    `At most ${budget.count} recovery passwords are shown to one administrator within ` +
      `${budget.windowSeconds} seconds.`,
    { retryAfterSeconds: Math.max(1, Math.ceil((freeAt - now.getTime()) / 1000)) },
  )
}
