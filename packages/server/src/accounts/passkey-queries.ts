/** SQL of passkeys and their challenges. */

import { sql, type Kysely, type Selectable, type Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'

export type PasskeyRow = Selectable<Database['passkey']>

export async function selectPasskeys(db: Kysely<Database>, userId: string): Promise<PasskeyRow[]> {
  return await db
    .selectFrom('passkey')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

export async function selectPasskeyByCredential(
  db: Kysely<Database>,
  credentialId: Buffer,
): Promise<PasskeyRow | undefined> {
  return await db
    .selectFrom('passkey')
    .selectAll()
    .where('credential_id', '=', credentialId)
    .executeTakeFirst()
}

/** False: another user (or this one) has it already. */
export async function insertPasskey(
  trx: Transaction<Database>,
  passkey: Omit<PasskeyRow, 'last_used_at'>,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await trx
    .insertInto('passkey')
    .values(passkey)
    .onConflict((conflict) => conflict.column('credential_id').doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

/**
 * False: the authenticator's counter did not go up, so there may be a copy of it; or another
 * sign-in was faster. Authenticators that do not count always send 0.
 */
export async function recordPasskeyUse(
  db: Kysely<Database>,
  use: { id: string; signCount: number; now: Date },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('passkey')
    .set({ sign_count: use.signCount, last_used_at: use.now })
    .where('id', '=', use.id)
    .where(
      sql<boolean>`(sign_count < ${use.signCount} or (sign_count = 0 and ${use.signCount} = 0))`,
    )
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

export async function renamePasskey(
  trx: Transaction<Database>,
  passkey: { id: string; userId: string; name: string },
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('passkey')
    .set({ name: passkey.name })
    .where('id', '=', passkey.id)
    .where('user_id', '=', passkey.userId)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

export async function deletePasskey(
  trx: Transaction<Database>,
  passkey: { id: string; userId: string },
): Promise<boolean> {
  const { numDeletedRows } = await trx
    .deleteFrom('passkey')
    .where('id', '=', passkey.id)
    .where('user_id', '=', passkey.userId)
    .executeTakeFirst()
  return numDeletedRows === 1n
}

export async function deletePasskeys(trx: Transaction<Database>, userId: string): Promise<void> {
  await trx.deleteFrom('passkey').where('user_id', '=', userId).execute()
}

export async function insertChallenge(
  db: Kysely<Database>,
  challenge: { hash: Buffer; now: Date; expiresAt: Date },
): Promise<void> {
  await db.deleteFrom('passkey_challenge').where('expires_at', '<', challenge.now).execute()
  await db
    .insertInto('passkey_challenge')
    .values({ challenge_hash: challenge.hash, expires_at: challenge.expiresAt })
    .execute()
}

/** False: not given out for this, expired, or used. Of two at once, one gets true. */
export async function takeChallenge(
  db: Kysely<Database>,
  hash: Buffer,
  now: Date,
): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('passkey_challenge')
    .where('challenge_hash', '=', hash)
    .where('expires_at', '>', now)
    .executeTakeFirst()
  return numDeletedRows === 1n
}
