/** SQL of local accounts: users with their passwords. */

import { GLOBAL_ADMINISTRATOR } from '@keydesk/contract'
import { sql, type Kysely, type Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'

export interface AccountRow {
  readonly id: string
  readonly user_principal_name: string
  readonly display_name: string
  readonly is_active: boolean
  readonly credentials_valid_after: Date | null
  /** PHC string; null without a password. */
  readonly password_hash: string | null
}

/** By user principal name, in any case of letters. Deleted users do not exist. */
export async function selectAccountByName(
  db: Kysely<Database>,
  userPrincipalName: string,
): Promise<AccountRow | undefined> {
  return await accounts(db)
    .where(sql`lower(usr.user_principal_name) collate "C"`, '=', userPrincipalName.toLowerCase())
    .executeTakeFirst()
}

/** Deleted users do not exist. */
export async function selectAccount(
  db: Kysely<Database>,
  userId: string,
): Promise<AccountRow | undefined> {
  return await accounts(db).where('usr.id', '=', userId).executeTakeFirst()
}

/** Two that change how a user signs in come one by one. */
export async function lockAccount(trx: Transaction<Database>, userId: string): Promise<void> {
  await trx.selectFrom('directory_user').select('id').where('id', '=', userId).forUpdate().execute()
}

function accounts(db: Kysely<Database>) {
  return db
    .selectFrom('directory_user as usr')
    .leftJoin('account_password as password', 'password.user_id', 'usr.id')
    .select([
      'usr.id',
      'usr.user_principal_name',
      'usr.display_name',
      'usr.is_active',
      'usr.credentials_valid_after',
      'password.hash as password_hash',
    ])
    .where('usr.deleted_at', 'is', null)
}

export async function upsertPassword(
  trx: Transaction<Database>,
  password: { userId: string; hash: string; now: Date },
): Promise<void> {
  const values = { hash: password.hash, changed_at: password.now }
  await trx
    .insertInto('account_password')
    .values({ user_id: password.userId, ...values })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(values))
    .execute()
}

/** With the same password and other parameters; not if it was changed in the meantime. */
export async function replaceHash(
  db: Kysely<Database>,
  userId: string,
  from: string,
  to: string,
): Promise<void> {
  await db
    .updateTable('account_password')
    .set({ hash: to })
    .where('user_id', '=', userId)
    .where('hash', '=', from)
    .execute()
}

export async function deletePassword(trx: Transaction<Database>, userId: string): Promise<void> {
  await trx.deleteFrom('account_password').where('user_id', '=', userId).execute()
}

/** A user of the built-in issuer. False: another one has the name. */
export async function insertLocalUser(
  trx: Transaction<Database>,
  user: { id: string; userPrincipalName: string; displayName: string; now: Date },
): Promise<boolean> {
  const existing = await selectAccountByName(trx, user.userPrincipalName)
  if (existing !== undefined) return false
  await trx
    .insertInto('principal')
    .values({ id: user.id, type: 'user', created_at: user.now })
    .execute()
  await trx
    .insertInto('directory_user')
    .values({
      id: user.id,
      user_principal_name: user.userPrincipalName,
      display_name: user.displayName,
      source: 'local',
      created_at: user.now,
      updated_at: user.now,
    })
    .execute()
  return true
}

/** For the whole directory. Idempotent. */
export async function insertGlobalAdministrator(
  trx: Transaction<Database>,
  assignment: { id: string; userId: string; now: Date },
): Promise<void> {
  await trx
    .insertInto('role_assignment')
    .values({
      id: assignment.id,
      principal_id: assignment.userId,
      role_id: GLOBAL_ADMINISTRATOR,
      scope_type: 'directory',
      created_at: assignment.now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}
