/** SQL of failed guesses. */

import type { Kysely, Transaction } from 'kysely'
import { sql } from 'kysely'
import type { Database } from '../db/schema.ts'

export interface CounterRow {
  readonly key: Buffer
  readonly failures: number
  readonly blocked_until: Date | null
  readonly updated_at: Date
}

/** Locks the counters, made where they are missing, so that guesses at once come one by one. */
export async function lockCounters(
  trx: Transaction<Database>,
  keys: readonly Buffer[],
  now: Date,
): Promise<CounterRow[]> {
  // In one order everywhere, so that two guesses cannot wait for each other.
  const sorted = [...keys].sort((a, b) => a.compare(b))
  await trx
    .insertInto('sign_in_throttle')
    .values(sorted.map((key) => ({ key, failures: 0, updated_at: now })))
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  return await trx
    .selectFrom('sign_in_throttle')
    .select(['key', 'failures', 'blocked_until', 'updated_at'])
    .where('key', 'in', sorted)
    .orderBy('key')
    .forUpdate()
    .execute()
}

export async function setCounter(
  trx: Transaction<Database>,
  counter: { key: Buffer; failures: number; blockedUntil: Date | undefined; now: Date },
): Promise<void> {
  await trx
    .updateTable('sign_in_throttle')
    .set({
      failures: counter.failures,
      blocked_until: counter.blockedUntil ?? null,
      updated_at: counter.now,
    })
    .where('key', '=', counter.key)
    .execute()
}

/** What was counted for a guess that turned out right. */
export async function forgiveOne(db: Kysely<Database>, key: Buffer): Promise<void> {
  await db
    .updateTable('sign_in_throttle')
    .set({ failures: sql`greatest(failures - 1, 0)`, blocked_until: null })
    .where('key', '=', key)
    .execute()
}

export async function deleteCounter(db: Kysely<Database>, key: Buffer): Promise<void> {
  await db.deleteFrom('sign_in_throttle').where('key', '=', key).execute()
}

/** Counters that no longer count. Returns how many. */
export async function deleteCountersBefore(db: Kysely<Database>, before: Date): Promise<bigint> {
  const { numDeletedRows } = await db
    .deleteFrom('sign_in_throttle')
    .where('updated_at', '<', before)
    .executeTakeFirst()
  return numDeletedRows
}
