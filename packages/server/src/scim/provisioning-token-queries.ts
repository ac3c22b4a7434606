/** SQL of the tokens of SCIM clients. */

import { sql, type Insertable, type Kysely, type Selectable, type Transaction } from 'kysely'
import type { Database, ProvisioningTokenTable } from '../db/schema.ts'

export type TokenRow = Selectable<ProvisioningTokenTable>

export async function insertProvisioningToken(
  trx: Transaction<Database>,
  token: Insertable<ProvisioningTokenTable>,
): Promise<TokenRow> {
  return await trx
    .insertInto('provisioning_token')
    .values(token)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** The newest first. */
export async function selectProvisioningTokens(
  db: Kysely<Database>,
  page: { after: { at: Date; id: string } | undefined; limit: number },
): Promise<TokenRow[]> {
  let query = db.selectFrom('provisioning_token').selectAll()
  if (page.after !== undefined) {
    const { at, id } = page.after
    query = query.where(sql<boolean>`(created_at, id) < (${at}, ${id})`)
  }
  return await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(page.limit).execute()
}

export async function selectProvisioningToken(
  db: Kysely<Database>,
  id: string,
): Promise<TokenRow | undefined> {
  return await db
    .selectFrom('provisioning_token')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst()
}

/** Locks the row until the transaction ends. */
export async function lockProvisioningToken(
  trx: Transaction<Database>,
  id: string,
): Promise<TokenRow | undefined> {
  return await trx
    .selectFrom('provisioning_token')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
}

export async function revokeProvisioningTokenRow(
  trx: Transaction<Database>,
  id: string,
  now: Date,
): Promise<TokenRow> {
  return await trx
    .updateTable('provisioning_token')
    .set({ revoked_at: now })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

export async function touchProvisioningToken(
  db: Kysely<Database>,
  id: string,
  now: Date,
): Promise<void> {
  await db
    .updateTable('provisioning_token')
    .set({ last_used_at: now })
    .where('id', '=', id)
    .execute()
}
