/** SQL of the people and programs that the configured issuer names in its access tokens. */

import type { Kysely } from 'kysely'
import type { Database } from '../db/schema.ts'

export async function selectUserIdBySubject(
  db: Kysely<Database>,
  issuer: string,
  subject: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('directory_user')
    .select('id')
    .where('issuer', '=', issuer)
    .where('subject', '=', subject)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return row?.id
}

export async function selectAppIdByExternalClient(
  db: Kysely<Database>,
  clientId: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('app')
    .select('id')
    .where('external_client_id', '=', clientId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return row?.id
}
