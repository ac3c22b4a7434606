/** SQL of signing in: whose account it is, the groups of a claim, and states that were used. */

import { sql, type Selectable, type Transaction } from 'kysely'
import type { Database, DirectoryUserTable } from '../db/schema.ts'

const COLUMNS = [
  'id',
  'user_principal_name',
  'display_name',
  'mail',
  'source',
  'is_active',
  'issuer',
  'subject',
  'credentials_valid_after',
] as const

export type SignInUser = Pick<Selectable<DirectoryUserTable>, (typeof COLUMNS)[number]>

/** Locks the row: two sign-ins of one person come one after the other. */
export async function lockUserById(
  trx: Transaction<Database>,
  id: string,
): Promise<SignInUser | undefined> {
  return await trx
    .selectFrom('directory_user')
    .select(COLUMNS)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .forUpdate()
    .executeTakeFirst()
}

export async function lockUserBySubject(
  trx: Transaction<Database>,
  issuer: string,
  subject: string,
): Promise<SignInUser | undefined> {
  return await trx
    .selectFrom('directory_user')
    .select(COLUMNS)
    .where('issuer', '=', issuer)
    .where('subject', '=', subject)
    .where('deleted_at', 'is', null)
    .forUpdate()
    .executeTakeFirst()
}

export async function lockUsersByExternalId(
  trx: Transaction<Database>,
  externalId: string,
): Promise<SignInUser[]> {
  return await trx
    .selectFrom('directory_user')
    .select(COLUMNS)
    .where('external_id', '=', externalId)
    .where('deleted_at', 'is', null)
    .limit(2)
    .forUpdate()
    .execute()
}

/** Whether another user has this name, in any case of letters. */
export async function isNameTaken(
  trx: Transaction<Database>,
  name: string,
  exceptUserId: string | undefined,
): Promise<boolean> {
  const row = await trx
    .selectFrom('directory_user')
    .select('id')
    .where(sql`lower(user_principal_name) collate "C"`, '=', name.toLowerCase())
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return row !== undefined && row.id !== exceptUserId
}

export async function bindUser(
  trx: Transaction<Database>,
  id: string,
  identity: { readonly issuer: string; readonly subject: string; readonly now: Date },
): Promise<void> {
  const { issuer, subject, now } = identity
  await trx
    .updateTable('directory_user')
    .set({ issuer, subject, updated_at: now })
    .where('id', '=', id)
    .execute()
}

export async function updateFacts(
  trx: Transaction<Database>,
  id: string,
  facts: Pick<SignInUser, 'user_principal_name' | 'display_name' | 'mail'>,
  now: Date,
): Promise<void> {
  await trx
    .updateTable('directory_user')
    .set({ ...facts, updated_at: now })
    .where('id', '=', id)
    .execute()
}

export interface ClaimedGroup {
  readonly id: string
  readonly display_name: string
}

/** Groups by external ID that exist here; the others mean nothing. */
export async function selectGroupsByExternalId(
  trx: Transaction<Database>,
  externalIds: readonly string[],
): Promise<ClaimedGroup[]> {
  if (externalIds.length === 0) return []
  return await trx
    .selectFrom('directory_group')
    .select(['id', 'display_name'])
    .where(sql<boolean>`external_id = any(${[...externalIds]}::text[])`)
    .where('deleted_at', 'is', null)
    .execute()
}

/** Memberships that a claim gave and that the new one lacks. Returns their groups. */
export async function deleteClaimMemberships(
  trx: Transaction<Database>,
  userId: string,
  keptGroupIds: readonly string[],
): Promise<string[]> {
  const rows = await trx
    .deleteFrom('group_member')
    .where('user_id', '=', userId)
    .where('source', '=', 'claim')
    .where(sql<boolean>`group_id <> all(${[...keptGroupIds]}::uuid[])`)
    .returning('group_id')
    .execute()
  return rows.map(({ group_id }) => group_id)
}

/** Those that are new; one that somebody assigned stays assigned. Returns their groups. */
export async function insertClaimMemberships(
  trx: Transaction<Database>,
  userId: string,
  groupIds: readonly string[],
  now: Date,
): Promise<string[]> {
  if (groupIds.length === 0) return []
  const rows = await trx
    .insertInto('group_member')
    .values(
      groupIds.map((groupId) => ({
        group_id: groupId,
        user_id: userId,
        source: 'claim' as const,
        added_at: now,
      })),
    )
    .onConflict((conflict) => conflict.columns(['group_id', 'user_id']).doNothing())
    .returning('group_id')
    .execute()
  return rows.map(({ group_id }) => group_id)
}
