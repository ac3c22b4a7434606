/** SQL of users. A deleted one does not exist here. */

import { sql, type Insertable, type Kysely, type Selectable, type Transaction } from 'kysely'
import type { DeviceReach } from '../access/grants.ts'
import { withinReach } from '../access/within-reach.ts'
import type { Database, DirectoryUserTable } from '../db/schema.ts'
import { startsWith } from './starts-with.ts'

export const USER_COLUMNS = [
  'id',
  'user_principal_name',
  'display_name',
  'given_name',
  'family_name',
  'mail',
  'department',
  'source',
  'is_active',
  'external_id',
  'created_at',
  'updated_at',
] as const

export type UserRow = Pick<Selectable<DirectoryUserTable>, (typeof USER_COLUMNS)[number]>

/** What of a user can change, apart from being deleted. */
export type UserChanges = Partial<
  Pick<
    UserRow,
    | 'user_principal_name'
    | 'display_name'
    | 'given_name'
    | 'family_name'
    | 'mail'
    | 'department'
    | 'external_id'
    | 'is_active'
  >
>

/** By display name. */
export async function selectUsers(
  db: Kysely<Database>,
  filter: {
    readonly search?: string | undefined
    readonly isActive?: boolean | undefined
    readonly groupId?: string | undefined
    readonly after?: { name: string; id: string } | undefined
    readonly limit: number
  },
): Promise<(UserRow & { sort_name: string })[]> {
  const conditions = [sql<boolean>`person.deleted_at is null`]
  const { search, isActive, groupId, after } = filter
  if (search !== undefined) {
    const columns = ['user_principal_name', 'display_name', 'mail'] as const
    const found = columns.map((column) => startsWith(sql.ref(`person.${column}`), search))
    conditions.push(sql`(${sql.join(found, sql` or `)})`)
  }
  if (isActive !== undefined) conditions.push(sql`person.is_active = ${isActive}`)
  if (groupId !== undefined) {
    conditions.push(sql`exists (select from group_member member
                                 where member.user_id = person.id
                                   and member.group_id = ${groupId})`)
  }
  if (after !== undefined) {
    conditions.push(
      sql`(lower(person.display_name) collate "C", person.id) > (${after.name}, ${after.id})`,
    )
  }
  const { rows } = await sql<UserRow & { sort_name: string }>`
    select ${sql.join(USER_COLUMNS.map((column) => sql.ref(`person.${column}`)))},
           lower(person.display_name) as sort_name
      from directory_user person
     where ${sql.join(conditions, sql` and `)}
     order by lower(person.display_name) collate "C", person.id
     limit ${filter.limit}`.execute(db)
  return rows
}

export async function selectUser(db: Kysely<Database>, id: string): Promise<UserRow | undefined> {
  return await db
    .selectFrom('directory_user')
    .select(USER_COLUMNS)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}

/** Changes of one user wait for each other from here to the end of the transaction. */
export async function lockUser(
  trx: Transaction<Database>,
  id: string,
): Promise<UserRow | undefined> {
  return await trx
    .selectFrom('directory_user')
    .select(USER_COLUMNS)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
}

export async function insertUser(
  trx: Transaction<Database>,
  user: Insertable<DirectoryUserTable> & { id: string; created_at: Date },
): Promise<UserRow> {
  await trx
    .insertInto('principal')
    .values({ id: user.id, type: 'user', created_at: user.created_at })
    .execute()
  return await trx
    .insertInto('directory_user')
    .values(user)
    .returning(USER_COLUMNS)
    .executeTakeFirstOrThrow()
}

export async function updateUser(
  trx: Transaction<Database>,
  id: string,
  changes: UserChanges,
  now: Date,
): Promise<UserRow> {
  return await trx
    .updateTable('directory_user')
    .set({ ...changes, updated_at: now })
    .where('id', '=', id)
    .returning(USER_COLUMNS)
    .executeTakeFirstOrThrow()
}

/** The row stays: what the user did is on record under its ID. */
export async function markUserDeleted(
  trx: Transaction<Database>,
  id: string,
  now: Date,
): Promise<void> {
  await trx
    .updateTable('directory_user')
    .set({ deleted_at: now, is_active: false, updated_at: now })
    .where('id', '=', id)
    .execute()
}

/** The groups and roles of a user, and how many there were. */
export async function deleteUserTies(
  trx: Transaction<Database>,
  id: string,
): Promise<{ groups: number; roleAssignments: number }> {
  const groups = await trx
    .deleteFrom('group_member')
    .where('user_id', '=', id)
    .executeTakeFirstOrThrow()
  return {
    groups: Number(groups.numDeletedRows),
    roleAssignments: await deleteRoleAssignments(trx, id),
  }
}

/** Returns how many there were. */
export async function deleteRoleAssignments(
  trx: Transaction<Database>,
  principalId: string,
): Promise<number> {
  const { numDeletedRows } = await trx
    .deleteFrom('role_assignment')
    .where('principal_id', '=', principalId)
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}

export async function selectGroupsOfUser(
  db: Kysely<Database>,
  userId: string,
  limit: number,
): Promise<{ id: string; display_name: string }[]> {
  return await db
    .selectFrom('group_member')
    .innerJoin('directory_group', 'directory_group.id', 'group_member.group_id')
    .select(['directory_group.id', 'directory_group.display_name'])
    .where('group_member.user_id', '=', userId)
    .where('directory_group.deleted_at', 'is', null)
    .orderBy('directory_group.display_name')
    .limit(limit)
    .execute()
}

export interface UserAssignmentRow {
  id: string
  role_id: string
  effect: 'allow' | 'deny'
  scope_type: 'directory' | 'administrativeUnit' | 'device'
  scope_id: string | null
  group_id: string | null
  expires_at: Date | null
}

/** His own and those of his groups that have not expired. */
export async function selectAssignmentsOfUser(
  db: Kysely<Database>,
  userId: string,
  now: Date,
): Promise<UserAssignmentRow[]> {
  const { rows } = await sql<UserAssignmentRow>`
    select assignment.id, assignment.role_id, assignment.effect, assignment.scope_type,
           coalesce(assignment.administrative_unit_id, assignment.device_id) as scope_id,
           holder.group_id, assignment.expires_at
      from (select ${userId}::uuid as principal_id, null::uuid as group_id
            union all
            select member.group_id, member.group_id
              from group_member member join directory_group grp on grp.id = member.group_id
             where member.user_id = ${userId} and grp.deleted_at is null) holder
      join role_assignment assignment on assignment.principal_id = holder.principal_id
     where assignment.expires_at is null or assignment.expires_at > ${now}
     order by assignment.created_at, assignment.id`.execute(db)
  return rows
}

export interface OwnedDeviceRow {
  id: string
  name: string
  enrolled_at: Date
  sort_name: string
}

/** By name, as far as the reach allows. */
export async function selectOwnedDevices(
  db: Kysely<Database>,
  filter: {
    readonly userId: string
    readonly reaches: readonly DeviceReach[]
    readonly after?: { name: string; id: string } | undefined
    readonly limit: number
  },
): Promise<OwnedDeviceRow[]> {
  const { after } = filter
  const conditions = filter.reaches.map((reach) => withinReach(reach, sql.ref('device.id')))
  if (after !== undefined) {
    conditions.push(sql`(lower(device.name) collate "C", device.id) > (${after.name}, ${after.id})`)
  }
  const { rows } = await sql<OwnedDeviceRow>`
    select device.id, device.name, device.enrolled_at, lower(device.name) as sort_name
      from device
     where device.owner_id = ${filter.userId} and ${sql.join(conditions, sql` and `)}
     order by lower(device.name) collate "C", device.id
     limit ${filter.limit}`.execute(db)
  return rows
}
