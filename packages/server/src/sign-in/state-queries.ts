/** SQL of states that were used: the answer of an issuer counts once, on all servers together. */

import type { Kysely } from 'kysely'
import type { Database } from '../db/schema.ts'

/** False: it was used before. */
export async function useState(
  db: Kysely<Database>,
  stateHash: Buffer,
  expiresAt: Date,
): Promise<boolean> {
  const inserted = await db
    .insertInto('used_sign_in_state')
    .values({ state_hash: stateHash, expires_at: expiresAt })
    .onConflict((conflict) => conflict.column('state_hash').doNothing())
    .returning('state_hash')
    .executeTakeFirst()
  return inserted !== undefined
}

/** After that time the cookie that belongs to it has expired as well. */
export async function deleteExpiredStates(db: Kysely<Database>, now: Date): Promise<void> {
  await db.deleteFrom('used_sign_in_state').where('expires_at', '<=', now).execute()
}
