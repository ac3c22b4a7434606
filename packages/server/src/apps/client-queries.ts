/** SQL of apps as clients of the built-in issuer: what proves them now, and when it last did. */

import { sql, type Kysely, type Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'

/** An exact time is worth no write for every token. */
const LAST_USE_SECONDS = 60

export interface ClientCredential {
  readonly id: string
  readonly secret_hash: Buffer | null
  readonly public_jwk: unknown
  readonly public_key_mac: Buffer | null
  readonly is_for_roles: boolean
}

export interface AppClient {
  readonly name: string
  readonly credentials: readonly ClientCredential[]
}

/**
 * Undefined: unknown, disabled or deleted. Without credentials that are revoked or expired, or that
 * do not count because the app has roles: also roles that are over or denied, since both can change
 * without anybody thinking of the credentials.
 */
export async function selectAppClient(
  db: Kysely<Database>,
  id: string,
  now: Date,
): Promise<AppClient | undefined> {
  const app = await db
    .selectFrom('app')
    .select('display_name')
    .where('id', '=', id)
    .where('is_enabled', '=', true)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (app === undefined) return undefined
  const credentials = await db
    .selectFrom('app_credential')
    .select(['id', 'secret_hash', 'public_jwk', 'public_key_mac', 'is_for_roles'])
    .where('app_id', '=', id)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .where(
      sql<boolean>`(is_for_roles or not exists (
        select from role_assignment assignment where assignment.principal_id = app_id
        union all
        select from app where app.id = app_id and cardinality(app.app_roles) > 0))`,
    )
    .orderBy('created_at')
    .execute()
  return { name: app.display_name, credentials }
}

export async function selectAppRoles(db: Kysely<Database>, id: string): Promise<string[]> {
  const app = await db.selectFrom('app').select('app_roles').where('id', '=', id).executeTakeFirst()
  return app?.app_roles ?? []
}

export async function markCredentialUsed(
  db: Kysely<Database>,
  id: string,
  now: Date,
): Promise<void> {
  await db
    .updateTable('app_credential')
    .set({ last_used_at: now })
    .where('id', '=', id)
    .where(
      sql<boolean>`(last_used_at is null
        or last_used_at < ${now}::timestamptz - make_interval(secs => ${LAST_USE_SECONDS}))`,
    )
    .execute()
}

/**
 * When an app is given roles: ends the access tokens that it may have from a credential which does
 * not count for them. Does nothing for what is no app.
 */
export async function endTokensBeforeRoles(
  trx: Transaction<Database>,
  appId: string,
  now: Date,
): Promise<void> {
  await trx
    .updateTable('app')
    .set({ credentials_valid_after: now })
    .where('id', '=', appId)
    .where(
      sql<boolean>`exists (
        select from app_credential credential
         where credential.app_id = app.id and not credential.is_for_roles)`,
    )
    .execute()
}
