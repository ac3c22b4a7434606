/** SQL of what the issuer remembers. Rows past their time may still be there; `expires_at` says. */

import type { Insertable, Kysely, Transaction } from 'kysely'
import type { Database, IssuerStateTable } from '../db/schema.ts'

/** The columns by which a row is found. */
export type StateKey = 'id_hash' | 'uid_hash' | 'user_code_hash'

export interface StateRow {
  readonly id_hash: Buffer
  readonly payload: Buffer
  readonly consumed_at: Date | null
  readonly polled_at: Date | null
  readonly expires_at: Date
}

export async function upsertState(
  db: Kysely<Database>,
  row: Insertable<IssuerStateTable>,
): Promise<void> {
  const { payload, grant_hash, uid_hash, user_code_hash, account_id, expires_at } = row
  await db
    .insertInto('issuer_state')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['model', 'id_hash'])
        .doUpdateSet({ payload, grant_hash, uid_hash, user_code_hash, account_id, expires_at }),
    )
    .execute()
}

/** Nothing where the row was deleted meanwhile: what somebody ended does not come back. */
export async function replaceState(
  db: Kysely<Database>,
  idHashes: readonly Buffer[],
  row: Insertable<IssuerStateTable>,
): Promise<void> {
  const { model, id_hash, payload, uid_hash, account_id, expires_at } = row
  await db
    .updateTable('issuer_state')
    .set({ id_hash, payload, uid_hash, account_id, expires_at })
    .where('model', '=', model)
    .where('id_hash', 'in', idHashes)
    .execute()
}

export async function selectState(
  db: Kysely<Database>,
  model: string,
  key: StateKey,
  hash: Buffer,
): Promise<StateRow | undefined> {
  return await db
    .selectFrom('issuer_state')
    .select(['id_hash', 'payload', 'consumed_at', 'polled_at', 'expires_at'])
    .where('model', '=', model)
    .where(key, '=', hash)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** False: it was used before, or is gone. Of several that come at once, one gets true. */
export async function consumeState(
  db: Kysely<Database>,
  model: string,
  idHash: Buffer,
  now: Date,
): Promise<boolean> {
  const row = await db
    .updateTable('issuer_state')
    .set({ consumed_at: now })
    .where('model', '=', model)
    .where('id_hash', '=', idHash)
    .where('consumed_at', 'is', null)
    .returning('model')
    .executeTakeFirst()
  return row !== undefined
}

export async function markPolled(
  db: Kysely<Database>,
  model: string,
  idHash: Buffer,
  now: Date,
): Promise<void> {
  await db
    .updateTable('issuer_state')
    .set({ polled_at: now })
    .where('model', '=', model)
    .where('id_hash', '=', idHash)
    .execute()
}

export async function deleteState(
  db: Kysely<Database>,
  model: string,
  idHash: Buffer,
): Promise<void> {
  await db
    .deleteFrom('issuer_state')
    .where('model', '=', model)
    .where('id_hash', '=', idHash)
    .execute()
}

/** Whatever was given by one grant: codes, tokens. */
export async function deleteStateOfGrant(
  db: Kysely<Database>,
  model: string,
  grantHash: Buffer,
): Promise<void> {
  await db
    .deleteFrom('issuer_state')
    .where('model', '=', model)
    .where('grant_hash', '=', grantHash)
    .execute()
}

/**
 * Ends the sessions, grants and refresh tokens of these people at the built-in issuer. Part of the
 * transaction that disables or resets them. Access tokens end by `credentials_valid_after`.
 */
export async function deleteIssuerStateOfUsers(
  trx: Transaction<Database>,
  userIds: readonly string[],
): Promise<void> {
  if (userIds.length === 0) return
  await trx.deleteFrom('issuer_state').where('account_id', 'in', userIds).execute()
}

/**
 * Signs these people out in every browser, as far as the built-in issuer goes: it asks again before
 * it vouches for them. Programs that they connected stay connected.
 */
export async function deleteIssuerSessionsOfUsers(
  trx: Transaction<Database>,
  userIds: readonly string[],
): Promise<void> {
  if (userIds.length === 0) return
  await trx
    .deleteFrom('issuer_state')
    .where('account_id', 'in', userIds)
    .where('model', 'in', ['Session', 'Interaction', 'AuthorizationCode'])
    .execute()
}

/** What strangers can leave behind goes at once, the rest when it expired before `before`. */
export async function deleteExpiredState(
  db: Kysely<Database>,
  { now, before }: { readonly now: Date; readonly before: Date },
): Promise<void> {
  await db.deleteFrom('issuer_state').where('expires_at', '<', before).execute()
  await db
    .deleteFrom('issuer_state')
    .where('expires_at', '<', now)
    .where('model', 'in', ['Session', 'Interaction'])
    .execute()
}
