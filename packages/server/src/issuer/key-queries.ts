/** SQL of the keys that sign the issuer's tokens. */

import { sql, type Insertable, type Kysely, type Transaction } from 'kysely'
import type { Database, IssuerKeyTable } from '../db/schema.ts'

/** Of this server's database; any number that no other lock uses. */
const ROTATION_LOCK = 4_711_004

/** Held until the transaction ends: servers that start or rotate together make one key. */
export async function lockIssuerKeys(trx: Transaction<Database>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${ROTATION_LOCK})`.execute(trx)
}

/** Those that are published, the one that signs last first. */
export async function selectIssuerKeys(db: Kysely<Database>, now: Date) {
  return await db
    .selectFrom('issuer_key')
    .selectAll()
    .where((row) => row.or([row('retires_at', 'is', null), row('retires_at', '>', now)]))
    .orderBy('signs_from', 'desc')
    .orderBy('id')
    .execute()
}

export async function insertIssuerKey(
  trx: Transaction<Database>,
  key: Insertable<IssuerKeyTable>,
): Promise<void> {
  await trx.insertInto('issuer_key').values(key).execute()
}

/** All but the newest. */
export async function retireOtherKeys(
  trx: Transaction<Database>,
  id: string,
  retiresAt: Date,
): Promise<void> {
  await trx
    .updateTable('issuer_key')
    .set({ retires_at: sql`greatest(signs_from, ${retiresAt}::timestamptz)` })
    .where('id', '<>', id)
    .where((row) => row.or([row('retires_at', 'is', null), row('retires_at', '>', retiresAt)]))
    .execute()
}

export async function deleteRetiredKeys(db: Kysely<Database>, now: Date): Promise<void> {
  await db.deleteFrom('issuer_key').where('retires_at', '<', now).execute()
}
