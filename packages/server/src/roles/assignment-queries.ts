/** SQL of role assignments. */

import { sql, type Insertable, type Kysely, type RawBuilder, type Transaction } from 'kysely'
import type { AssignmentScope } from '../access/grants.ts'
import type { Database, RoleAssignmentTable } from '../db/schema.ts'

export interface AssignmentRow {
  id: string
  principal_id: string
  principal_type: 'user' | 'group' | 'app'
  /** Null: deleted since. */
  principal_name: string | null
  user_principal_name: string | null
  role_id: string
  /** Of a custom role. */
  role_name: string | null
  effect: 'allow' | 'deny'
  scope_type: AssignmentScope['type']
  scope_id: string | null
  scope_name: string | null
  created_at: Date
  expires_at: Date | null
}

async function select(
  db: Kysely<Database>,
  condition: RawBuilder<unknown>,
  limit: number,
): Promise<AssignmentRow[]> {
  const { rows } = await sql<AssignmentRow>`
    select assignment.id, assignment.principal_id, principal.type as principal_type,
           coalesce(person.display_name, grp.display_name, app.display_name) as principal_name,
           person.user_principal_name, assignment.role_id, role.display_name as role_name,
           assignment.effect, assignment.scope_type,
           coalesce(assignment.administrative_unit_id, assignment.device_id) as scope_id,
           coalesce(unit.display_name, device.name) as scope_name,
           assignment.created_at, assignment.expires_at
      from role_assignment assignment
      join principal on principal.id = assignment.principal_id
      left join directory_user person on person.id = assignment.principal_id
      left join directory_group grp on grp.id = assignment.principal_id
      left join app on app.id = assignment.principal_id
      left join role_definition role on role.id = assignment.role_id
      left join device_set unit on unit.id = assignment.administrative_unit_id
      left join device on device.id = assignment.device_id
     where ${condition}
     order by assignment.created_at desc, assignment.id desc
     limit ${limit}`.execute(db)
  return rows
}

/** The newest first. */
export async function selectAssignments(
  db: Kysely<Database>,
  filter: {
    readonly principalId: string | undefined
    readonly roleId: string | undefined
    readonly scope: AssignmentScope | undefined
    readonly after: { readonly at: Date; readonly id: string } | undefined
    readonly limit: number
  },
): Promise<AssignmentRow[]> {
  const { principalId, roleId, scope, after } = filter
  const conditions = [sql`true`]
  if (principalId !== undefined) conditions.push(sql`assignment.principal_id = ${principalId}`)
  if (roleId !== undefined) conditions.push(sql`assignment.role_id = ${roleId}`)
  if (scope !== undefined) conditions.push(hasScope(scope))
  if (after !== undefined) {
    conditions.push(sql`(assignment.created_at, assignment.id) < (${after.at}, ${after.id})`)
  }
  return await select(db, sql.join(conditions, sql` and `), filter.limit)
}

function hasScope(scope: AssignmentScope): RawBuilder<unknown> {
  if (scope.type === 'directory') return sql`assignment.scope_type = 'directory'`
  return scope.type === 'device'
    ? sql`assignment.device_id = ${scope.id}`
    : sql`assignment.administrative_unit_id = ${scope.id}`
}

export async function selectAssignment(
  db: Kysely<Database>,
  id: string,
): Promise<AssignmentRow | undefined> {
  const [row] = await select(db, sql`assignment.id = ${id}`, 1)
  return row
}

/** The one that says the same, but perhaps for another time: there is at most one. */
export async function selectSameAssignment(
  trx: Transaction<Database>,
  wanted: Insertable<RoleAssignmentTable>,
): Promise<{ id: string; expires_at: Date | null } | undefined> {
  const { rows } = await sql<{ id: string; expires_at: Date | null }>`
    select id, expires_at from role_assignment
     where principal_id = ${wanted.principal_id} and role_id = ${wanted.role_id}
       and effect = ${wanted.effect} and scope_type = ${wanted.scope_type}
       and administrative_unit_id is not distinct from ${wanted.administrative_unit_id}::uuid
       and device_id is not distinct from ${wanted.device_id}::uuid`.execute(trx)
  return rows[0]
}

export async function insertAssignment(
  trx: Transaction<Database>,
  assignment: Insertable<RoleAssignmentTable>,
): Promise<void> {
  await trx.insertInto('role_assignment').values(assignment).execute()
}

export async function updateExpiry(
  trx: Transaction<Database>,
  id: string,
  expiresAt: Date | null,
): Promise<void> {
  await trx
    .updateTable('role_assignment')
    .set({ expires_at: expiresAt })
    .where('id', '=', id)
    .execute()
}

export async function deleteAssignment(trx: Transaction<Database>, id: string): Promise<void> {
  await trx.deleteFrom('role_assignment').where('id', '=', id).execute()
}

/** A user, group or app that is not deleted; its row cannot be deleted until the end. */
export async function principalExists(trx: Transaction<Database>, id: string): Promise<boolean> {
  const { rows } = await sql`
    select from principal
      left join directory_user person on person.id = principal.id
      left join directory_group grp on grp.id = principal.id
      left join app on app.id = principal.id
     where principal.id = ${id}
       and coalesce(person.deleted_at, grp.deleted_at, app.deleted_at) is null`.execute(trx)
  return rows.length > 0
}

/** An administrative unit or device that exists, kept until the end of the transaction. */
export async function scopeExists(
  trx: Transaction<Database>,
  scope: AssignmentScope,
): Promise<boolean> {
  if (scope.type === 'directory') return true
  const { rows } =
    scope.type === 'device'
      ? await sql`select from device where id = ${scope.id} for key share`.execute(trx)
      : await sql`select from device_set where id = ${scope.id} and kind = 'administrativeUnit'
                     for key share`.execute(trx)
  return rows.length > 0
}
