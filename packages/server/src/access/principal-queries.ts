/**
 * SQL of who asks: the user or app of a credential, its role assignments, and where the device of
 * the request belongs. One statement each, because it runs at every request: one way to the
 * database and back, and look-ups by key only, so its cost does not grow with the directory.
 */

import { sql, type Kysely, type RawBuilder } from 'kysely'
import type { Database } from '../db/schema.ts'
import type { Assignment, AssignmentScope, DevicePlace } from './grants.ts'

/** Role, effect, type and ID of the scope, and the permissions of a custom role. */
type AssignmentRow = [
  roleId: string,
  effect: 'allow' | 'deny',
  scopeType: AssignmentScope['type'],
  scopeId: string | null,
  permissions: string[] | null,
]

interface Held {
  readonly assignments: readonly Assignment[]
  /** Undefined: there is no such device, or none was asked for. */
  readonly device: DevicePlace | undefined
}

interface HeldRow {
  assignments: AssignmentRow[]
  /** Null: no such device. */
  unit_ids: string[] | null
}

export interface FoundUser extends Held {
  readonly user_principal_name: string
  readonly display_name: string
  readonly is_active: boolean
  readonly credentials_valid_after: Date | null
}

export interface FoundApp extends Held {
  readonly display_name: string
  readonly is_enabled: boolean
  readonly app_roles: string[]
  readonly credentials_valid_after: Date | null
}

export interface HeldAt {
  readonly now: Date
  readonly deviceId: string | undefined
}

/** With the assignments of the groups too. Undefined also for a deleted user. */
export async function selectUser(
  db: Kysely<Database>,
  id: string,
  at: HeldAt,
): Promise<FoundUser | undefined> {
  const holders = sql`
    select ${id}::uuid
    union all
    select member.group_id
      from group_member member join directory_group grp on grp.id = member.group_id
     where member.user_id = ${id} and grp.deleted_at is null`
  const { rows } = await sql<FoundUser & HeldRow>`
    select person.user_principal_name, person.display_name, person.is_active,
           person.credentials_valid_after, ${assignmentsOf(holders, at.now)} as assignments,
           ${unitsOf(at.deviceId)} as unit_ids
      from directory_user person
     where person.id = ${id} and person.deleted_at is null`.execute(db)
  return rows[0] && { ...rows[0], ...held(rows[0], at.deviceId) }
}

/** Undefined also for a deleted app. */
export async function selectApp(
  db: Kysely<Database>,
  id: string,
  at: HeldAt,
): Promise<FoundApp | undefined> {
  const { rows } = await sql<FoundApp & HeldRow>`
    select app.display_name, app.is_enabled, app.app_roles, app.credentials_valid_after,
           ${assignmentsOf(sql`select ${id}::uuid`, at.now)} as assignments,
           ${unitsOf(at.deviceId)} as unit_ids
      from app
     where app.id = ${id} and app.deleted_at is null`.execute(db)
  return rows[0] && { ...rows[0], ...held(rows[0], at.deviceId) }
}

/**
 * Those that have not expired, as JSON arrays: half the time of JSON objects, which a helpdesk with
 * some dozens of units notices.
 */
function assignmentsOf(holders: RawBuilder<unknown>, now: Date): RawBuilder<AssignmentRow[]> {
  return sql<AssignmentRow[]>`(
    select coalesce(json_agg(json_build_array(
             assignment.role_id, assignment.effect, assignment.scope_type,
             coalesce(assignment.administrative_unit_id, assignment.device_id),
             role.permissions)), '[]')
      from role_assignment assignment
      left join role_definition role on role.id = assignment.role_id
     where assignment.principal_id in (${holders})
       and (assignment.expires_at is null or assignment.expires_at > ${now}))`
}

/** Administrative units (and device groups, which no scope names) of a device that exists. */
function unitsOf(deviceId: string | undefined): RawBuilder<string[] | null> {
  if (deviceId === undefined) return sql`null::uuid[]`
  return sql<string[] | null>`(
    select array(select member.device_set_id from device_set_member member
                  where member.device_id = device.id)
      from device where device.id = ${deviceId})`
}

function held(row: HeldRow, deviceId: string | undefined): Held {
  return {
    assignments: row.assignments.map(([roleId, effect, scopeType, scopeId, permissions]) => ({
      roleId,
      effect,
      scope: scopeOf(scopeType, scopeId),
      customPermissions: permissions ?? undefined,
    })),
    device:
      deviceId === undefined || row.unit_ids === null
        ? undefined
        : { id: deviceId, unitIds: row.unit_ids },
  }
}

function scopeOf(type: AssignmentScope['type'], id: string | null): AssignmentScope {
  if (type === 'directory') return { type }
  // The CHECK of the table holds this.
  if (id === null) throw new TypeError('a scoped role assignment names no scope')
  return { type, id }
}
