/** SQL of administrators. */

import { GLOBAL_ADMINISTRATOR } from '@keydesk/contract'
import type { Kysely, Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'

export async function insertAdministrator(
  trx: Transaction<Database>,
  administrator: { id: string; name: string; secretHash: Buffer; createdAt: Date },
): Promise<void> {
  await trx
    .insertInto('administrator')
    .values({
      id: administrator.id,
      name: administrator.name,
      secret_hash: administrator.secretHash,
      created_at: administrator.createdAt,
    })
    .execute()
}

/** A few rows: until people sign in there is one. */
export async function selectAdministrators(
  db: Kysely<Database>,
): Promise<{ id: string; name: string; secret_hash: Buffer }[]> {
  return await db
    .selectFrom('administrator')
    .select(['id', 'name', 'secret_hash'])
    .orderBy('created_at')
    .limit(16)
    .execute()
}

/** Until people sign in: an app that may do everything. */
export async function insertBootstrapApp(
  trx: Transaction<Database>,
  id: string,
  now: Date,
): Promise<void> {
  await trx.insertInto('principal').values({ id, type: 'app', created_at: now }).execute()
  await trx
    .insertInto('app')
    .values({ id, display_name: 'bootstrap', created_at: now, updated_at: now })
    .execute()
  await trx
    .insertInto('role_assignment')
    .values({
      id,
      principal_id: id,
      role_id: GLOBAL_ADMINISTRATOR,
      scope_type: 'directory',
      created_at: now,
    })
    .execute()
}
