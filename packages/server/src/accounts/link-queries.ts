/** SQL of the links that work once. */

import type { Kysely, Selectable, Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'

export type LinkRow = Selectable<Database['one_time_link']>

export async function insertLink(
  trx: Transaction<Database>,
  link: Pick<
    LinkRow,
    | 'id'
    | 'purpose'
    | 'user_id'
    | 'over_roles'
    | 'secret_hash'
    | 'created_by'
    | 'created_at'
    | 'expires_at'
  >,
): Promise<void> {
  await trx.insertInto('one_time_link').values(link).execute()
}

/** Those of the user, or all that set up the service. */
export async function revokeOpenLinks(
  trx: Transaction<Database>,
  userId: string | undefined,
  now: Date,
): Promise<void> {
  await trx
    .updateTable('one_time_link')
    .set({ revoked_at: now })
    .where('user_id', userId === undefined ? 'is' : '=', userId ?? null)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .execute()
}

export async function selectOpenLink(
  db: Kysely<Database>,
  id: string,
  now: Date,
): Promise<LinkRow | undefined> {
  return await db
    .selectFrom('one_time_link')
    .selectAll()
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst()
}

/** False: it was used or revoked in the meantime. Of two at once, one gets true. */
export async function markLinkUsed(
  trx: Transaction<Database>,
  id: string,
  now: Date,
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('one_time_link')
    .set({ used_at: now })
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}
