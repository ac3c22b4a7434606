/** Shows app registrations with their credentials. Secrets are not among what is stored. */

import type { App, AppCredential, AppPage, AppQuery } from '@keydesk/contract'
import type { Kysely } from 'kysely'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { decodeTimeCursor, pageLimit, pageOf } from '../http/page-cursor.ts'
import {
  selectApp,
  selectApps,
  selectCredentials,
  type AppRow,
  type CredentialRow,
} from './queries.ts'

export async function listApps(
  deps: Pick<Deps, 'db' | 'clock'>,
  query: AppQuery,
): Promise<AppPage> {
  const limit = pageLimit(query.limit)
  const after = decodeTimeCursor(query.after)
  const rows = await selectApps(deps.db, { after, limit: limit + 1 })
  const credentials = await selectCredentials(
    deps.db,
    rows.map(({ id }) => id),
  )
  const now = deps.clock.now()
  return pageOf(rows, limit, {
    item: (row) => toApp(row, credentials, now),
    key: (row) => [row.created_at.toISOString(), row.id],
  })
}

/** Throws AppError NOT_FOUND. */
export async function showApp(db: Kysely<Database>, id: string, now: Date): Promise<App> {
  const row = await selectApp(db, id)
  if (row === undefined) throw unknownApp()
  return toApp(row, await selectCredentials(db, [id]), now)
}

export function unknownApp(): AppError {
  return new AppError('NOT_FOUND', 'There is no app with this ID.')
}

function toApp(row: AppRow, credentials: readonly CredentialRow[], now: Date): App {
  return {
    id: row.id,
    displayName: row.display_name,
    ...(row.description === null ? {} : { description: row.description }),
    isEnabled: row.is_enabled,
    appRoles: row.app_roles,
    ...(row.external_client_id === null ? {} : { externalClientId: row.external_client_id }),
    credentials: credentials
      .filter(({ app_id }) => app_id === row.id)
      .map((credential) => toCredential(credential, now)),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}

export function toCredential(row: CredentialRow, now: Date): AppCredential {
  return {
    id: row.id,
    kind: row.kind === 'secret' ? 'secret' : 'publicKey',
    name: row.name,
    ...(row.hint === null ? {} : { hint: row.hint }),
    ...keyId(row.public_jwk),
    isForRoles: row.is_for_roles,
    state: row.revoked_at !== null ? 'revoked' : row.expires_at <= now ? 'expired' : 'active',
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    ...(row.last_used_at === null ? {} : { lastUsedAt: row.last_used_at.toISOString() }),
    ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at.toISOString() }),
  }
}

function keyId(jwk: unknown): { keyId?: string } {
  const isKey = typeof jwk === 'object' && jwk !== null && 'kid' in jwk
  return isKey && typeof jwk.kid === 'string' ? { keyId: jwk.kid } : {}
}
