/** SQL of app registrations and of their credentials. A deleted app does not exist here. */

import { sql, type Insertable, type Kysely, type Selectable, type Transaction } from 'kysely'
import type { AppCredentialTable, AppTable, Database } from '../db/schema.ts'

const APP_COLUMNS = [
  'id',
  'display_name',
  'description',
  'is_enabled',
  'app_roles',
  'external_client_id',
  'created_at',
  'updated_at',
] as const

const CREDENTIAL_COLUMNS = [
  'id',
  'app_id',
  'kind',
  'name',
  'hint',
  'public_jwk',
  'created_at',
  'expires_at',
  'last_used_at',
  'revoked_at',
  'is_for_roles',
] as const

export type AppRow = Pick<Selectable<AppTable>, (typeof APP_COLUMNS)[number]>
export type CredentialRow = Pick<
  Selectable<AppCredentialTable>,
  (typeof CREDENTIAL_COLUMNS)[number]
>
export type AppChanges = Partial<
  Pick<
    AppRow,
    'display_name' | 'description' | 'is_enabled' | 'app_roles' | 'external_client_id'
  > & {
    credentials_valid_after: Date
    deleted_at: Date
  }
>

export async function insertApp(
  trx: Transaction<Database>,
  app: Insertable<AppTable>,
): Promise<void> {
  const { id, created_at } = app
  await trx.insertInto('principal').values({ id, type: 'app', created_at }).execute()
  await trx.insertInto('app').values(app).execute()
}

/** Locked until the transaction ends, so that changes of one app come one after another. */
export async function lockApp(trx: Transaction<Database>, id: string): Promise<AppRow | undefined> {
  return await trx
    .selectFrom('app')
    .select(APP_COLUMNS)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .forUpdate()
    .executeTakeFirst()
}

export async function selectApp(db: Kysely<Database>, id: string): Promise<AppRow | undefined> {
  return await db
    .selectFrom('app')
    .select(APP_COLUMNS)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}

export async function selectApps(
  db: Kysely<Database>,
  page: { readonly after: { at: Date; id: string } | undefined; readonly limit: number },
): Promise<AppRow[]> {
  let query = db.selectFrom('app').select(APP_COLUMNS).where('deleted_at', 'is', null)
  if (page.after !== undefined) {
    const { at, id } = page.after
    query = query.where(sql<boolean>`(created_at, id) < (${at}, ${id})`)
  }
  return await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(page.limit).execute()
}

export async function updateApp(
  trx: Transaction<Database>,
  id: string,
  changes: AppChanges,
  now: Date,
): Promise<void> {
  await trx
    .updateTable('app')
    .set({ ...changes, updated_at: now })
    .where('id', '=', id)
    .execute()
}

/** Of these apps, the newest first. */
export async function selectCredentials(
  db: Kysely<Database>,
  appIds: readonly string[],
): Promise<CredentialRow[]> {
  if (appIds.length === 0) return []
  return await db
    .selectFrom('app_credential')
    .select(CREDENTIAL_COLUMNS)
    .where('app_id', 'in', appIds)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .execute()
}

export async function insertCredential(
  trx: Transaction<Database>,
  credential: Insertable<AppCredentialTable>,
): Promise<CredentialRow> {
  return await trx
    .insertInto('app_credential')
    .values(credential)
    .returning(CREDENTIAL_COLUMNS)
    .executeTakeFirstOrThrow()
}

/** Those of the app that are not revoked already, or one of them. Returns what it revoked. */
export async function revokeCredentials(
  trx: Transaction<Database>,
  which: { readonly appId: string; readonly credentialId?: string },
  now: Date,
): Promise<string[]> {
  let query = trx
    .updateTable('app_credential')
    .set({ revoked_at: now })
    .where('app_id', '=', which.appId)
    .where('revoked_at', 'is', null)
  if (which.credentialId !== undefined) query = query.where('id', '=', which.credentialId)
  const rows = await query.returning('id').execute()
  return rows.map(({ id }) => id)
}

/** Returns how many there were. */
export async function deleteRoleAssignmentsOfApp(
  trx: Transaction<Database>,
  appId: string,
): Promise<number> {
  const { numDeletedRows } = await trx
    .deleteFrom('role_assignment')
    .where('principal_id', '=', appId)
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}
