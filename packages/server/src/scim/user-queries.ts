/**
 * SQL of users as SCIM sees them: those of the organisation's directory. Accounts that were made
 * here (`local`) do not exist for a SCIM client, so it can neither take one over nor disable it.
 */

import { sql, type Kysely, type RawBuilder, type Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'
import { USER_COLUMNS, type UserRow } from '../directory/user-queries.ts'
import type { FilterAttributes } from './filter-condition.ts'
import type { ListPage } from './list-page.ts'

export const PROVISIONED_USER = sql<boolean>`
  (person.deleted_at is null and person.source <> 'local')`

const mail = sql.ref('person.mail')

export const USER_FILTER: FilterAttributes = {
  id: { type: 'id', column: sql.ref('person.id') },
  username: { type: 'text', column: sql.ref('person.user_principal_name') },
  externalid: { type: 'exactText', column: sql.ref('person.external_id') },
  displayname: { type: 'text', column: sql.ref('person.display_name') },
  'name.givenname': { type: 'text', column: sql.ref('person.given_name') },
  'name.familyname': { type: 'text', column: sql.ref('person.family_name') },
  active: { type: 'boolean', column: sql.ref('person.is_active') },
  emails: { type: 'text', column: mail },
  'emails.value': { type: 'text', column: mail },
  'emails.type': { type: 'text', column: sql`(case when ${mail} is not null then 'work' end)` },
  'emails.primary': { type: 'boolean', column: sql`(${mail} is not null)` },
  'enterprise:department': { type: 'text', column: sql.ref('person.department') },
  'meta.created': { type: 'time', column: sql.ref('person.created_at') },
  'meta.lastmodified': { type: 'time', column: sql.ref('person.updated_at') },
}

const COLUMNS = sql.join(USER_COLUMNS.map((column) => sql.ref(`person.${column}`)))

/** In the order in which they were made. */
export async function selectProvisionedUsers(
  db: Kysely<Database>,
  condition: RawBuilder<boolean>,
  page: ListPage,
): Promise<UserRow[]> {
  const { rows } = await sql<UserRow>`
    select ${COLUMNS} from directory_user person
     where ${PROVISIONED_USER} and ${condition}
     order by person.created_at, person.id
     limit ${page.count} offset ${page.startIndex - 1}`.execute(db)
  return rows
}

export async function countProvisionedUsers(
  db: Kysely<Database>,
  condition: RawBuilder<boolean>,
): Promise<number> {
  const { rows } = await sql<{ total: number }>`
    select count(*) as total from directory_user person
     where ${PROVISIONED_USER} and ${condition}`.execute(db)
  return rows[0]?.total ?? 0
}

/** From now on a SCIM client keeps the user up. */
export async function markProvisioned(trx: Transaction<Database>, id: string): Promise<void> {
  await trx.updateTable('directory_user').set({ source: 'scim' }).where('id', '=', id).execute()
}

export interface GroupOfUserRow {
  user_id: string
  group_id: string
  display_name: string
}

/** The groups of some users that SCIM knows. */
export async function selectGroupsOfUsers(
  db: Kysely<Database>,
  userIds: readonly string[],
): Promise<GroupOfUserRow[]> {
  const { rows } = await sql<GroupOfUserRow>`
    select member.user_id, grp.id as group_id, grp.display_name
      from group_member member join directory_group grp on grp.id = member.group_id
     where member.user_id = any(${userIds}::uuid[])
       and grp.deleted_at is null and grp.source <> 'local'
     order by grp.display_name, grp.id`.execute(db)
  return rows
}
