/** SQL of effective access: who could do something with a device, and names for the reasons. */

import { sql, type Kysely, type RawBuilder } from 'kysely'
import type { AssignmentScope } from '../access/grants.ts'
import type { Database } from '../db/schema.ts'

/** One assignment as a reason. */
export interface ReasonRow {
  id: string
  role_id: string
  role_name: string | null
  effect: 'allow' | 'deny'
  scope_type: AssignmentScope['type']
  scope_id: string | null
  scope_name: string | null
  expires_at: string | null
  group_id: string | null
  group_name: string | null
  /** Of a custom role. */
  permissions: string[] | null
}

export interface AccessorRow {
  principal_id: string
  principal_type: 'user' | 'app'
  display_name: string
  user_principal_name: string | null
  sort_name: string
  app_roles: string[]
  is_owner: boolean
  reasons: ReasonRow[]
}

/** Any of these permissions, which these built-in roles hold. */
export interface AnyOf {
  readonly permissions: readonly string[]
  readonly builtInRoleIds: readonly string[]
}

export interface Accessors {
  readonly deviceId: string
  /** What any assignment allows that counts. */
  readonly allowed: AnyOf
  /** What any deny takes away that counts. */
  readonly denied: AnyOf
  /** App roles that allow it, in lower case. */
  readonly appRoles: readonly string[]
  readonly includesOwner: boolean
  readonly now: Date
  readonly after: { readonly name: string; readonly id: string } | undefined
  readonly limit: number
}

const REASON = sql`jsonb_build_object(
  'id', about.id, 'role_id', about.role_id, 'role_name', about.role_name, 'effect', about.effect,
  'scope_type', about.scope_type, 'scope_id', about.scope_id, 'scope_name', about.scope_name,
  'expires_at', about.expires_at, 'group_id', held.group_id, 'group_name', held.group_name,
  'permissions', about.permissions)`

/**
 * Active users and enabled apps whom something allows one of the permissions on the device, by
 * name, with every assignment that allows or denies one there.
 */
export async function selectAccessors(
  db: Kysely<Database>,
  wanted: Accessors,
): Promise<AccessorRow[]> {
  const { deviceId, after } = wanted
  const page = isAfter(after)
  const { rows } = await sql<AccessorRow>`
    with about as materialized (
      select assignment.id, assignment.principal_id, assignment.role_id, assignment.effect,
             assignment.scope_type, assignment.expires_at, role.display_name as role_name,
             role.permissions,
             coalesce(assignment.administrative_unit_id, assignment.device_id) as scope_id,
             coalesce(unit.display_name, device.name) as scope_name
        from role_assignment assignment
        left join role_definition role on role.id = assignment.role_id
        left join device_set unit on unit.id = assignment.administrative_unit_id
        left join device on device.id = assignment.device_id
       where (assignment.expires_at is null or assignment.expires_at > ${wanted.now})
         and case assignment.effect when 'allow' then ${holds(wanted.allowed)}
                                    else ${holds(wanted.denied)} end
         and (assignment.scope_type = 'directory' or assignment.device_id = ${deviceId}
              or assignment.administrative_unit_id in (
                select device_set_id from device_set_member where device_id = ${deviceId}))
    ), held as materialized (
      select about.id as assignment_id, about.principal_id, null::uuid as group_id,
             null as group_name
        from about
      union all
      select about.id, member.user_id, grp.id, grp.display_name
        from about
        join directory_group grp on grp.id = about.principal_id and grp.deleted_at is null
        join group_member member on member.group_id = grp.id
    ), allowed as (
      select held.principal_id from held join about on about.id = held.assignment_id
       where about.effect = 'allow'
      union
      select app.id from app
       where exists (select from unnest(app.app_roles) as role (name)
                      where lower(role.name) = any(${wanted.appRoles}::text[]))
      union
      select device.owner_id from device
       where device.id = ${deviceId} and device.owner_id is not null and ${wanted.includesOwner}
    ), accessor as (
      select person.id as principal_id, 'user' as principal_type, person.display_name,
             person.user_principal_name, '{}'::text[] as app_roles
        from directory_user person
       where person.id in (select principal_id from allowed)
         and person.is_active and person.deleted_at is null
      union all
      select app.id, 'app', app.display_name, null, app.app_roles
        from app
       where app.id in (select principal_id from allowed)
         and app.is_enabled and app.deleted_at is null
    )
    select accessor.*, lower(accessor.display_name) as sort_name,
           ${wanted.includesOwner} and exists (
             select from device where device.id = ${deviceId}
                and device.owner_id = accessor.principal_id) as is_owner,
           coalesce((select jsonb_agg(${REASON} order by about.scope_type, about.id, held.group_id)
                       from held join about on about.id = held.assignment_id
                      where held.principal_id = accessor.principal_id), '[]') as reasons
      from accessor
     where ${page}
     order by lower(accessor.display_name) collate "C", accessor.principal_id
     limit ${wanted.limit}`.execute(db)
  return rows
}

function isAfter(after: Accessors['after']): RawBuilder<boolean> {
  if (after === undefined) return sql<boolean>`true`
  return sql<boolean>`(lower(accessor.display_name) collate "C", accessor.principal_id)
    > (${after.name}, ${after.id})`
}

/** Of the role of `assignment`. */
function holds({ permissions, builtInRoleIds }: AnyOf): RawBuilder<boolean> {
  return sql<boolean>`(assignment.role_id = any(${builtInRoleIds}::uuid[])
    or coalesce(role.permissions && ${permissions}::text[], false))`
}

export interface PrincipalRow {
  is_active: boolean
  app_roles: string[]
}

/** Undefined also for a deleted one. */
export async function selectHolder(
  db: Kysely<Database>,
  type: 'user' | 'app',
  id: string,
): Promise<PrincipalRow | undefined> {
  const { rows } =
    type === 'user'
      ? await sql<PrincipalRow>`
          select is_active, '{}'::text[] as app_roles from directory_user
           where id = ${id} and deleted_at is null`.execute(db)
      : await sql<PrincipalRow>`
          select is_enabled as is_active, app_roles from app
           where id = ${id} and deleted_at is null`.execute(db)
  return rows[0]
}

/** Every assignment of a user or app that is not over, those of groups included. */
export async function selectReasons(
  db: Kysely<Database>,
  principalId: string,
  now: Date,
): Promise<ReasonRow[]> {
  const { rows } = await sql<ReasonRow>`
    with holder as (
      select ${principalId}::uuid as id, null::uuid as group_id, null as group_name
      union all
      select grp.id, grp.id, grp.display_name
        from group_member member join directory_group grp on grp.id = member.group_id
       where member.user_id = ${principalId} and grp.deleted_at is null
    )
    select assignment.id, assignment.role_id, role.display_name as role_name, assignment.effect,
           assignment.scope_type,
           coalesce(assignment.administrative_unit_id, assignment.device_id) as scope_id,
           coalesce(unit.display_name, device.name) as scope_name,
           to_jsonb(assignment.expires_at) #>> '{}' as expires_at,
           holder.group_id, holder.group_name, role.permissions
      from holder
      join role_assignment assignment on assignment.principal_id = holder.id
      left join role_definition role on role.id = assignment.role_id
      left join device_set unit on unit.id = assignment.administrative_unit_id
      left join device on device.id = assignment.device_id
     where assignment.expires_at is null or assignment.expires_at > ${now}
     order by assignment.created_at, assignment.id, holder.group_id`.execute(db)
  return rows
}
