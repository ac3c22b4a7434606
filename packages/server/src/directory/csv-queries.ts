/** SQL of imports: many rows in one statement. */

import { sql, type Transaction } from 'kysely'
import type { DeviceReach } from '../access/grants.ts'
import { withinReach } from '../access/within-reach.ts'
import type { Database } from '../db/schema.ts'
import type { DeviceSetKind } from './device-set-queries.ts'
import type { UserRow } from './user-queries.ts'

/** By ID or by principal name in lower case; other changes of them wait from here on. */
export async function lockUsers(
  trx: Transaction<Database>,
  by: { readonly ids: readonly string[]; readonly names: readonly string[] },
): Promise<UserRow[]> {
  const { rows } = await sql<UserRow>`
    select id, user_principal_name, display_name, given_name, family_name, mail, department,
           source, is_active, external_id, created_at, updated_at
      from directory_user
     where deleted_at is null
       and (id = any(${by.ids}::uuid[])
            or lower(user_principal_name) collate "C" = any(${by.names}::text[]))
     order by id for no key update`.execute(trx)
  return rows
}

export type ImportedUser = Pick<
  UserRow,
  | 'id'
  | 'user_principal_name'
  | 'display_name'
  | 'given_name'
  | 'family_name'
  | 'mail'
  | 'department'
  | 'is_active'
>

const RECORD = sql`(
  id uuid, user_principal_name text, display_name text, given_name text, family_name text,
  mail text, department text, is_active boolean)`

export async function insertUsers(
  trx: Transaction<Database>,
  users: readonly ImportedUser[],
  now: Date,
): Promise<void> {
  const rows = JSON.stringify(users)
  await sql`
    insert into principal (id, type, created_at)
    select id, 'user', ${now} from jsonb_to_recordset(${rows}::jsonb) as input (id uuid)
  `.execute(trx)
  await sql`
    insert into directory_user (id, user_principal_name, display_name, given_name, family_name,
                                mail, department, is_active, source, created_at, updated_at)
    select id, user_principal_name, display_name, given_name, family_name, mail, department,
           is_active, 'local', ${now}, ${now}
      from jsonb_to_recordset(${rows}::jsonb) as input ${RECORD}`.execute(trx)
}

export async function updateUsers(
  trx: Transaction<Database>,
  users: readonly ImportedUser[],
  now: Date,
): Promise<void> {
  await sql`
    update directory_user person
       set user_principal_name = input.user_principal_name, display_name = input.display_name,
           given_name = input.given_name, family_name = input.family_name, mail = input.mail,
           department = input.department, is_active = input.is_active, updated_at = ${now}
      from jsonb_to_recordset(${JSON.stringify(users)}::jsonb) as input ${RECORD}
     where person.id = input.id`.execute(trx)
}

/** Of the principal names in lower case, those who exist. They are not deleted meanwhile. */
export async function shareUserIds(
  trx: Transaction<Database>,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await sql<{ id: string; name: string }>`
    select id, lower(user_principal_name) as name from directory_user
     where deleted_at is null and lower(user_principal_name) collate "C" = any(${names}::text[])
     order by id for share`.execute(trx)
  return new Map(rows.map(({ id, name }) => [name, id]))
}

export interface NamedGroupRow {
  id: string
  display_name: string
  description: string | null
  source: string
  external_id: string | null
  created_at: Date
  updated_at: Date
}

export async function lockGroups(
  trx: Transaction<Database>,
  names: readonly string[],
): Promise<NamedGroupRow[]> {
  const { rows } = await sql<NamedGroupRow>`
    select id, display_name, description, source, external_id, created_at, updated_at
      from directory_group
     where deleted_at is null and lower(display_name) collate "C" = any(${names}::text[])
     order by id for no key update`.execute(trx)
  return rows
}

export interface Membership {
  readonly group_id: string
  readonly user_id: string
}

export async function selectMemberships(
  trx: Transaction<Database>,
  groupIds: readonly string[],
): Promise<Membership[]> {
  const { rows } = await sql<Membership>`
    select group_id, user_id from group_member where group_id = any(${groupIds}::uuid[])
  `.execute(trx)
  return rows
}

export async function writeMemberships(
  trx: Transaction<Database>,
  memberships: readonly Membership[],
  now: Date,
): Promise<void> {
  await sql`
    insert into group_member (group_id, user_id, source, added_at)
    select group_id, user_id, 'assigned', ${now}
      from jsonb_to_recordset(${JSON.stringify(memberships)}::jsonb) as input (
        group_id uuid, user_id uuid)
    on conflict (group_id, user_id) do nothing`.execute(trx)
}

export async function eraseMemberships(
  trx: Transaction<Database>,
  memberships: readonly Membership[],
): Promise<void> {
  await sql`
    delete from group_member member
     using jsonb_to_recordset(${JSON.stringify(memberships)}::jsonb) as input (
       group_id uuid, user_id uuid)
     where member.group_id = input.group_id and member.user_id = input.user_id`.execute(trx)
}

export interface CandidateRow {
  id: string
  name: string
  serial_number: string | null
  owner_id: string | null
}

/** Devices within the reach by ID, or by name or serial number in lower case. */
export async function selectCandidates(
  trx: Transaction<Database>,
  by: {
    readonly ids: readonly string[]
    readonly names: readonly string[]
    readonly serialNumbers: readonly string[]
    readonly reach: DeviceReach
  },
): Promise<CandidateRow[]> {
  const visible = withinReach(by.reach, sql.ref('device.id'))
  const { rows } = await sql<CandidateRow>`
    select device.id, device.name, device.serial_number, device.owner_id from device
     where device.id in (
       select id from device where id = any(${by.ids}::uuid[])
       union select id from device where lower(name) collate "C" = any(${by.names}::text[])
       union select id from device
              where lower(serial_number) collate "C" = any(${by.serialNumbers}::text[]))
       and ${visible}`.execute(trx)
  return rows
}

export interface NamedSetRow {
  id: string
  kind: DeviceSetKind
  display_name: string
  membership_rule: string | null
  name: string
}

export async function lockSets(
  trx: Transaction<Database>,
  names: readonly string[],
): Promise<NamedSetRow[]> {
  const { rows } = await sql<NamedSetRow>`
    select id, kind, display_name, membership_rule, lower(display_name) as name from device_set
     where lower(display_name) = any(${names}::text[])
     order by id for no key update`.execute(trx)
  return rows
}

export interface AssignedSetRow {
  device_id: string
  device_set_id: string
  kind: DeviceSetKind
  display_name: string
}

/** In which sets with assigned members these devices are. */
export async function selectAssignedSets(
  trx: Transaction<Database>,
  deviceIds: readonly string[],
): Promise<AssignedSetRow[]> {
  const { rows } = await sql<AssignedSetRow>`
    select member.device_id, member.device_set_id, device_set.kind, device_set.display_name
      from device_set_member member join device_set on device_set.id = member.device_set_id
     where member.device_id = any(${deviceIds}::uuid[]) and device_set.membership_rule is null
  `.execute(trx)
  return rows
}
