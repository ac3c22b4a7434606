/** SQL of groups of people. A deleted one does not exist here. */

import { sql, type Insertable, type Kysely, type Selectable, type Transaction } from 'kysely'
import type { Database, DirectoryGroupTable } from '../db/schema.ts'
import { startsWith } from './starts-with.ts'

const GROUP_COLUMNS = [
  'id',
  'display_name',
  'description',
  'source',
  'external_id',
  'created_at',
  'updated_at',
] as const

export type GroupRow = Pick<Selectable<DirectoryGroupTable>, (typeof GROUP_COLUMNS)[number]>

export interface CountedGroupRow extends GroupRow {
  member_count: number
  sort_name: string
}

const COUNTED = sql`
  ${sql.join(GROUP_COLUMNS.map((column) => sql.ref(`grp.${column}`)))},
  (select count(*) from group_member member where member.group_id = grp.id) as member_count,
  lower(grp.display_name) as sort_name`

/** By name. */
export async function selectGroups(
  db: Kysely<Database>,
  filter: {
    readonly search?: string | undefined
    readonly after?: { name: string; id: string } | undefined
    readonly limit: number
  },
): Promise<CountedGroupRow[]> {
  const conditions = [sql<boolean>`grp.deleted_at is null`]
  if (filter.search !== undefined) {
    conditions.push(startsWith(sql.ref('grp.display_name'), filter.search))
  }
  if (filter.after !== undefined) {
    const { name, id } = filter.after
    conditions.push(sql`(lower(grp.display_name) collate "C", grp.id) > (${name}, ${id})`)
  }
  const { rows } = await sql<CountedGroupRow>`
    select ${COUNTED} from directory_group grp
     where ${sql.join(conditions, sql` and `)}
     order by lower(grp.display_name) collate "C", grp.id
     limit ${filter.limit}`.execute(db)
  return rows
}

export async function selectGroup(
  db: Kysely<Database>,
  id: string,
): Promise<CountedGroupRow | undefined> {
  const { rows } = await sql<CountedGroupRow>`
    select ${COUNTED} from directory_group grp
     where grp.id = ${id} and grp.deleted_at is null`.execute(db)
  return rows[0]
}

/** Changes of one group wait for each other from here to the end of the transaction. */
export async function lockGroup(
  trx: Transaction<Database>,
  id: string,
): Promise<GroupRow | undefined> {
  return await trx
    .selectFrom('directory_group')
    .select(GROUP_COLUMNS)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
}

export async function insertGroup(
  trx: Transaction<Database>,
  group: Insertable<DirectoryGroupTable> & { id: string; created_at: Date },
): Promise<void> {
  await trx
    .insertInto('principal')
    .values({ id: group.id, type: 'group', created_at: group.created_at })
    .execute()
  await trx.insertInto('directory_group').values(group).execute()
}

export type GroupChanges = Partial<Pick<GroupRow, 'display_name' | 'description' | 'external_id'>>

export async function updateGroup(
  trx: Transaction<Database>,
  id: string,
  changes: GroupChanges & { readonly deleted_at?: Date },
  now: Date,
): Promise<void> {
  await trx
    .updateTable('directory_group')
    .set({ ...changes, updated_at: now })
    .where('id', '=', id)
    .execute()
}

/**
 * Of these users, those who exist and were not members. What a groups claim gave somebody becomes
 * his for good.
 */
export async function insertMembers(
  trx: Transaction<Database>,
  groupId: string,
  userIds: readonly string[],
  now: Date,
): Promise<string[]> {
  const { rows } = await sql<{ user_id: string }>`
    with wanted as (
      select id from directory_user
       where id = any(${userIds}::uuid[]) and deleted_at is null order by id for share
    ), known as (
      select member.user_id, member.source from group_member member
       where member.group_id = ${groupId} and member.user_id = any(${userIds}::uuid[])
    ), written as (
      insert into group_member (group_id, user_id, source, added_at)
      select ${groupId}, id, 'assigned', ${now} from wanted
      on conflict (group_id, user_id) do update set source = 'assigned'
        where group_member.source <> 'assigned'
      returning user_id
    )
    select user_id from written where user_id not in (select user_id from known)`.execute(trx)
  return rows.map(({ user_id }) => user_id)
}

/** Those who were members. */
export async function deleteMembers(
  trx: Transaction<Database>,
  groupId: string,
  userIds: readonly string[] | 'all',
): Promise<string[]> {
  const which = userIds === 'all' ? sql`true` : sql`user_id = any(${userIds}::uuid[])`
  const { rows } = await sql<{ user_id: string }>`
    delete from group_member where group_id = ${groupId} and ${which} returning user_id
  `.execute(trx)
  return rows.map(({ user_id }) => user_id)
}

/** Of these users, those who exist. */
export async function selectExistingUsers(
  db: Kysely<Database>,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('directory_user')
    .select('id')
    .where('id', '=', sql<string>`any(${ids}::uuid[])`)
    .where('deleted_at', 'is', null)
    .execute()
  return new Set(rows.map(({ id }) => id))
}
