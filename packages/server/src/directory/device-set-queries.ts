/** SQL of administrative units and device groups. */

import { sql, type Insertable, type Kysely, type Selectable, type Transaction } from 'kysely'
import type { DeviceReach } from '../access/grants.ts'
import { withinReach } from '../access/within-reach.ts'
import type { Database, DeviceSetTable } from '../db/schema.ts'
import { startsWith } from './starts-with.ts'

export type DeviceSetKind = 'administrativeUnit' | 'deviceGroup'

const SET_COLUMNS = [
  'id',
  'kind',
  'display_name',
  'description',
  'membership_rule',
  'created_at',
  'updated_at',
] as const

export type DeviceSetRow = Pick<Selectable<DeviceSetTable>, (typeof SET_COLUMNS)[number]>

export interface CountedDeviceSetRow extends DeviceSetRow {
  member_count: number
  sort_name: string
}

/** `reach`: the devices that may be counted. */
function counted(reach: DeviceReach) {
  return sql`
    ${sql.join(SET_COLUMNS.map((column) => sql.ref(`device_set.${column}`)))},
    (select count(*) from device_set_member member
      where member.device_set_id = device_set.id
        and ${withinReach(reach, sql.ref('member.device_id'))}) as member_count,
    lower(device_set.display_name) as sort_name`
}

/** By name. */
export async function selectDeviceSets(
  db: Kysely<Database>,
  filter: {
    readonly kind: DeviceSetKind
    readonly reach: DeviceReach
    readonly search?: string | undefined
    readonly after?: { name: string; id: string } | undefined
    readonly limit: number
  },
): Promise<CountedDeviceSetRow[]> {
  const conditions = [sql<boolean>`device_set.kind = ${filter.kind}`]
  if (filter.search !== undefined) {
    conditions.push(startsWith(sql.ref('device_set.display_name'), filter.search))
  }
  if (filter.after !== undefined) {
    const { name, id } = filter.after
    conditions.push(
      sql`(lower(device_set.display_name) collate "C", device_set.id) > (${name}, ${id})`,
    )
  }
  const { rows } = await sql<CountedDeviceSetRow>`
    select ${counted(filter.reach)} from device_set
     where ${sql.join(conditions, sql` and `)}
     order by lower(device_set.display_name) collate "C", device_set.id
     limit ${filter.limit}`.execute(db)
  return rows
}

export async function selectDeviceSet(
  db: Kysely<Database>,
  set: { readonly kind: DeviceSetKind; readonly id: string; readonly reach: DeviceReach },
): Promise<CountedDeviceSetRow | undefined> {
  const { rows } = await sql<CountedDeviceSetRow>`
    select ${counted(set.reach)} from device_set
     where device_set.id = ${set.id} and device_set.kind = ${set.kind}`.execute(db)
  return rows[0]
}

/** Changes of one set and of its assigned members wait for each other from here on. */
export async function lockDeviceSet(
  trx: Transaction<Database>,
  kind: DeviceSetKind,
  id: string,
): Promise<DeviceSetRow | undefined> {
  return await trx
    .selectFrom('device_set')
    .select(SET_COLUMNS)
    .where('id', '=', id)
    .where('kind', '=', kind)
    .forNoKeyUpdate()
    .executeTakeFirst()
}

export async function insertDeviceSet(
  trx: Transaction<Database>,
  set: Insertable<DeviceSetTable>,
): Promise<void> {
  await trx.insertInto('device_set').values(set).execute()
}

export type DeviceSetChanges = Partial<
  Pick<DeviceSetRow, 'display_name' | 'description' | 'membership_rule'>
>

export async function updateDeviceSet(
  trx: Transaction<Database>,
  id: string,
  changes: DeviceSetChanges,
  now: Date,
): Promise<void> {
  await trx
    .updateTable('device_set')
    .set({ ...changes, updated_at: now })
    .where('id', '=', id)
    .execute()
}

/** Returns how many members it had. */
export async function deleteDeviceSet(trx: Transaction<Database>, id: string): Promise<number> {
  const { numDeletedRows } = await trx
    .deleteFrom('device_set_member')
    .where('device_set_id', '=', id)
    .executeTakeFirstOrThrow()
  await trx.deleteFrom('device_set').where('id', '=', id).execute()
  return Number(numDeletedRows)
}

/** How many role assignments have this unit as their scope. */
export async function countScopedAssignments(
  db: Kysely<Database>,
  unitId: string,
): Promise<number> {
  const { count } = await db
    .selectFrom('role_assignment')
    .select((expression) => expression.fn.countAll<number>().as('count'))
    .where('administrative_unit_id', '=', unitId)
    .executeTakeFirstOrThrow()
  return count
}

/** Whether disclosures of its devices need a second person. */
export async function demandsApproval(db: Kysely<Database>, deviceSetId: string): Promise<boolean> {
  const rule = await db
    .selectFrom('approval_rule')
    .select('id')
    .where('device_set_id', '=', deviceSetId)
    .executeTakeFirst()
  return rule !== undefined
}

export interface MemberRow {
  id: string
  name: string
  added_at: Date
  sort_name: string
}

/** By name, as far as the reach allows. */
export async function selectMembers(
  db: Kysely<Database>,
  filter: {
    readonly deviceSetId: string
    readonly reach: DeviceReach
    readonly after?: { name: string; id: string } | undefined
    readonly limit: number
  },
): Promise<MemberRow[]> {
  const conditions = [withinReach(filter.reach, sql.ref('device.id'))]
  if (filter.after !== undefined) {
    const { name, id } = filter.after
    conditions.push(sql`(lower(device.name) collate "C", device.id) > (${name}, ${id})`)
  }
  const { rows } = await sql<MemberRow>`
    select device.id, device.name, membership.added_at, lower(device.name) as sort_name
      from device_set_member membership join device on device.id = membership.device_id
     where membership.device_set_id = ${filter.deviceSetId}
       and ${sql.join(conditions, sql` and `)}
     order by lower(device.name) collate "C", device.id
     limit ${filter.limit}`.execute(db)
  return rows
}

/** Of these devices, those within the reach. */
export async function selectReachedDevices(
  db: Kysely<Database>,
  ids: readonly string[],
  reach: DeviceReach,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select device.id from device
     where device.id = any(${ids}::uuid[]) and ${withinReach(reach, sql.ref('device.id'))}
  `.execute(db)
  return rows.map(({ id }) => id)
}

export interface SetMembership {
  readonly device_set_id: string
  readonly device_id: string
}

/** Returns those that are new. */
export async function insertMemberships(
  trx: Transaction<Database>,
  memberships: readonly SetMembership[],
  now: Date,
): Promise<SetMembership[]> {
  if (memberships.length === 0) return []
  const { rows } = await sql<SetMembership>`
    insert into device_set_member (device_set_id, device_id, added_at)
    select device_set_id, device_id, ${now}
      from jsonb_to_recordset(${JSON.stringify(memberships)}::jsonb) as input (
        device_set_id uuid, device_id uuid)
    on conflict do nothing
    returning device_set_id, device_id`.execute(trx)
  return rows
}

/** Returns those that were there. */
export async function deleteMemberships(
  trx: Transaction<Database>,
  memberships: readonly SetMembership[],
): Promise<SetMembership[]> {
  if (memberships.length === 0) return []
  const { rows } = await sql<SetMembership>`
    delete from device_set_member member
     using jsonb_to_recordset(${JSON.stringify(memberships)}::jsonb) as input (
       device_set_id uuid, device_id uuid)
     where member.device_set_id = input.device_set_id and member.device_id = input.device_id
    returning member.device_set_id, member.device_id`.execute(trx)
  return rows
}
