/**
 * SQL of groups as SCIM sees them: those of the organisation's directory, and of their members
 * those who are. Local accounts that somebody put into such a group are neither shown nor removed.
 */

import { isGuid } from '@keydesk/contract'
import { sql, type Kysely, type RawBuilder, type Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'
import type { FilterAttributes } from './filter-condition.ts'
import type { ListPage } from './list-page.ts'
import { PROVISIONED_USER } from './user-queries.ts'

const PROVISIONED_GROUP = sql<boolean>`(grp.deleted_at is null and grp.source <> 'local')`

const member = {
  type: 'relation',
  equals: (value: string) =>
    isGuid(value.toLowerCase())
      ? sql<boolean>`exists (
          select from group_member member join directory_user person on person.id = member.user_id
           where member.group_id = grp.id and member.user_id = ${value.toLowerCase()}::uuid
             and ${PROVISIONED_USER})`
      : sql<boolean>`false`,
} as const

export const GROUP_FILTER: FilterAttributes = {
  id: { type: 'id', column: sql.ref('grp.id') },
  displayname: { type: 'text', column: sql.ref('grp.display_name') },
  externalid: { type: 'exactText', column: sql.ref('grp.external_id') },
  members: member,
  'members.value': member,
  'meta.created': { type: 'time', column: sql.ref('grp.created_at') },
  'meta.lastmodified': { type: 'time', column: sql.ref('grp.updated_at') },
}

export interface ScimGroupRow {
  id: string
  display_name: string
  external_id: string | null
  created_at: Date
  updated_at: Date
  /** Of everybody in it, for the version of the group. */
  member_count: number
  last_added_at: Date | null
}

const COLUMNS = sql`
  grp.id, grp.display_name, grp.external_id, grp.created_at, grp.updated_at,
  (select count(*) from group_member member where member.group_id = grp.id) as member_count,
  (select max(added_at) from group_member member where member.group_id = grp.id) as last_added_at`

/** In the order in which they were made. */
export async function selectProvisionedGroups(
  db: Kysely<Database>,
  condition: RawBuilder<boolean>,
  page: ListPage,
): Promise<ScimGroupRow[]> {
  const { rows } = await sql<ScimGroupRow>`
    select ${COLUMNS} from directory_group grp
     where ${PROVISIONED_GROUP} and ${condition}
     order by grp.created_at, grp.id
     limit ${page.count} offset ${page.startIndex - 1}`.execute(db)
  return rows
}

export async function countProvisionedGroups(
  db: Kysely<Database>,
  condition: RawBuilder<boolean>,
): Promise<number> {
  const { rows } = await sql<{ total: number }>`
    select count(*) as total from directory_group grp
     where ${PROVISIONED_GROUP} and ${condition}`.execute(db)
  return rows[0]?.total ?? 0
}

/** Undefined also for a group that was made here. */
export async function selectProvisionedGroup(
  db: Kysely<Database>,
  id: string,
): Promise<ScimGroupRow | undefined> {
  const { rows } = await sql<ScimGroupRow>`
    select ${COLUMNS} from directory_group grp
     where grp.id = ${id} and ${PROVISIONED_GROUP}`.execute(db)
  return rows[0]
}

export interface MemberRow {
  group_id: string
  user_id: string
  display_name: string
}

export async function selectMembersOfGroups(
  db: Kysely<Database>,
  groupIds: readonly string[],
  limit: number,
): Promise<MemberRow[]> {
  const { rows } = await sql<MemberRow>`
    select member.group_id, member.user_id, person.display_name
      from group_member member join directory_user person on person.id = member.user_id
     where member.group_id = any(${groupIds}::uuid[]) and ${PROVISIONED_USER}
     order by member.group_id, member.user_id
     limit ${limit}`.execute(db)
  return rows
}

/** Of these users, or of all, those who are members and whom SCIM may take out. */
export async function selectProvisionedMembers(
  trx: Transaction<Database>,
  groupId: string,
  userIds: readonly string[] | 'all',
): Promise<string[]> {
  const which = userIds === 'all' ? sql`true` : sql`member.user_id = any(${userIds}::uuid[])`
  const { rows } = await sql<{ user_id: string }>`
    select member.user_id
      from group_member member join directory_user person on person.id = member.user_id
     where member.group_id = ${groupId} and ${which} and ${PROVISIONED_USER}`.execute(trx)
  return rows.map(({ user_id }) => user_id)
}

/** Of these IDs, those that are no users to SCIM, and whether they are groups. */
export async function selectForeignMembers(
  trx: Transaction<Database>,
  ids: readonly string[],
): Promise<{ id: string; is_group: boolean }[]> {
  const { rows } = await sql<{ id: string; is_group: boolean }>`
    select wanted.id,
           exists (select from directory_group grp
                    where grp.id = wanted.id and ${PROVISIONED_GROUP}) as is_group
      from unnest(${ids}::uuid[]) as wanted (id)
      left join directory_user person on person.id = wanted.id and ${PROVISIONED_USER}
     where person.id is null
     order by wanted.id
     limit 1`.execute(trx)
  return rows
}

/** How many role assignments a group has that have not expired. */
export async function countRolesOfGroup(
  trx: Transaction<Database>,
  groupId: string,
  now: Date,
): Promise<number> {
  const { rows } = await sql<{ total: number }>`
    select count(*) as total from role_assignment assignment
     where assignment.principal_id = ${groupId}
       and (assignment.expires_at is null or assignment.expires_at > ${now})`.execute(trx)
  return rows[0]?.total ?? 0
}
