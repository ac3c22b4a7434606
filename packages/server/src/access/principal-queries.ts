/** SQL of who asks: the user or app of a credential, and its role assignments. */

import { sql, type Kysely } from 'kysely'
import type { Database } from '../db/schema.ts'
import type { Assignment, AssignmentScope } from './grants.ts'

/** Undefined also for a deleted one. */
export async function selectUser(db: Kysely<Database>, id: string) {
  return await db
    .selectFrom('directory_user')
    .select(['id', 'user_principal_name', 'display_name', 'is_active', 'credentials_valid_after'])
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}

/** Undefined also for a deleted one. */
export async function selectApp(db: Kysely<Database>, id: string) {
  return await db
    .selectFrom('app')
    .select(['id', 'display_name', 'is_enabled', 'app_roles', 'credentials_valid_after'])
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}

interface AssignmentRow {
  id: string
  role_id: string
  effect: 'allow' | 'deny'
  scope_type: AssignmentScope['type']
  scope_id: string | null
  permissions: string[] | null
}

/** Those that have not expired: the principal's own, and for a user those of its groups. */
export async function selectAssignments(
  db: Kysely<Database>,
  principal: { readonly userId: string } | { readonly appId: string },
  now: Date,
): Promise<Assignment[]> {
  const holders =
    'userId' in principal
      ? sql`select ${principal.userId}::uuid
            union all
            select member.group_id
              from group_member member join directory_group grp on grp.id = member.group_id
             where member.user_id = ${principal.userId} and grp.deleted_at is null`
      : sql`select ${principal.appId}::uuid`
  const { rows } = await sql<AssignmentRow>`
    select assignment.id, assignment.role_id, assignment.effect, assignment.scope_type,
           coalesce(assignment.administrative_unit_id, assignment.device_id) as scope_id,
           role.permissions
      from role_assignment assignment
      left join role_definition role on role.id = assignment.role_id
     where assignment.principal_id in (${holders})
       and (assignment.expires_at is null or assignment.expires_at > ${now})`.execute(db)
  return rows.map((row) => ({
    id: row.id,
    roleId: row.role_id,
    effect: row.effect,
    scope: scopeOf(row),
    customPermissions: row.permissions ?? undefined,
  }))
}

function scopeOf({ scope_type, scope_id }: AssignmentRow): AssignmentScope {
  if (scope_type === 'directory') return { type: 'directory' }
  // The CHECK of the table holds this.
  if (scope_id === null) throw new TypeError('a scoped role assignment names no scope')
  return { type: scope_type, id: scope_id }
}
