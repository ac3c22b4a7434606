/**
 * Nobody climbs by way of another: whoever sets how a user signs in, changes who is in a group, or
 * makes a secret for an app could then act with the roles of that user, group or app. So where
 * there are such roles, only those may do it who could give the roles away anyway.
 *
 * Denies count as roles too: to leave a group that is denied something is a gain.
 */

import { sql, type Kysely } from 'kysely'
import type { Database } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import type { PrincipalActor } from './actor.ts'
import { reachesEverywhere } from './grants.ts'

/** Who holds this for the whole directory can make himself anything. */
export const GIVE_ROLES = 'microsoft.directory/roleAssignments/allProperties/allTasks'

/**
 * `principalId`: the user, group or app whose credentials or members are to change. `db`: the
 * transaction of the change where there is one. Throws AppError FORBIDDEN.
 */
export async function requireAuthorityOver(
  db: Kysely<Database>,
  actor: PrincipalActor,
  principalId: string,
  now: Date,
): Promise<void> {
  if (reachesEverywhere(actor.grants.reach(GIVE_ROLES))) return
  if (!(await holdsRoles(db, principalId, now))) return
  throw new AppError(
    'FORBIDDEN',
    `This user, group or app holds roles: to change it needs the permission ${GIVE_ROLES} for the whole directory.`,
  )
}

/** Directly, by a group, or as an app by app roles. Expired assignments do not count. */
async function holdsRoles(db: Kysely<Database>, principalId: string, now: Date): Promise<boolean> {
  const { rows } = await sql`
    select from role_assignment assignment
     where (assignment.expires_at is null or assignment.expires_at > ${now})
       and assignment.principal_id in (
         select ${principalId}::uuid
         union all
         select member.group_id
           from group_member member join directory_group grp on grp.id = member.group_id
          where member.user_id = ${principalId} and grp.deleted_at is null)
    union all
    select from app where app.id = ${principalId} and cardinality(app.app_roles) > 0
     limit 1`.execute(db)
  return rows.length > 0
}
