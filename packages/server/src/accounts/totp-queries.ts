/** SQL of authenticator apps and backup codes. */

import type { Kysely, Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'

export async function selectTotp(db: Kysely<Database>, userId: string) {
  return await db
    .selectFrom('account_totp')
    .select(['sealed_secret', 'last_step', 'created_at'])
    .where('user_id', '=', userId)
    .executeTakeFirst()
}

/** The user must have none. */
export async function insertTotp(
  trx: Transaction<Database>,
  totp: { userId: string; sealedSecret: Buffer; lastStep: number; now: Date },
): Promise<void> {
  await trx
    .insertInto('account_totp')
    .values({
      user_id: totp.userId,
      sealed_secret: totp.sealedSecret,
      last_step: totp.lastStep,
      created_at: totp.now,
    })
    .execute()
}

/** False: a code of this step or a later one was taken already. Of two at once, one gets true. */
export async function takeStep(
  db: Kysely<Database>,
  userId: string,
  step: number,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('account_totp')
    .set({ last_step: step })
    .where('user_id', '=', userId)
    .where('last_step', '<', step)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** False: there was none. */
export async function deleteTotp(trx: Transaction<Database>, userId: string): Promise<boolean> {
  const { numDeletedRows } = await trx
    .deleteFrom('account_totp')
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return numDeletedRows > 0n
}

export async function replaceBackupCodes(
  trx: Transaction<Database>,
  userId: string,
  hashes: readonly Buffer[],
  now: Date,
): Promise<void> {
  await deleteBackupCodes(trx, userId)
  await trx
    .insertInto('account_backup_code')
    .values(hashes.map((hash) => ({ user_id: userId, code_hash: hash, created_at: now })))
    .execute()
}

export async function deleteBackupCodes(trx: Transaction<Database>, userId: string): Promise<void> {
  await trx.deleteFrom('account_backup_code').where('user_id', '=', userId).execute()
}

/** False: not a code of this user, or used. Of two at once, one gets true. */
export async function takeBackupCode(
  trx: Transaction<Database>,
  userId: string,
  hash: Buffer,
  now: Date,
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('account_backup_code')
    .set({ used_at: now })
    .where('user_id', '=', userId)
    .where('code_hash', '=', hash)
    .where('used_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

export async function countUnusedBackupCodes(
  db: Kysely<Database>,
  userId: string,
): Promise<number> {
  const { count } = await db
    .selectFrom('account_backup_code')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('user_id', '=', userId)
    .where('used_at', 'is', null)
    .executeTakeFirstOrThrow()
  return Number(count)
}
