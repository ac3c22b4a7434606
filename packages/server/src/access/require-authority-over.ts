/**
 * Nobody climbs by way of another: whoever sets how a user signs in, changes who is in a group, or
 * makes a secret for an app could then act with the roles of that user, group or app. So where
 * there are such roles, only those may do it who could give the roles away anyway.
 *
 * Denies count as roles too: to leave a group that is denied something is a gain. And who is in a
 * group that the self-service policy names is a part of that policy, so only those change such a
 * group who could change the policy.
 */

import type { PermissionName } from '@keydesk/contract'
import { sql, type Kysely } from 'kysely'
import type { Database } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import type { PrincipalActor } from './actor.ts'
import { reachesEverywhere } from './grants.ts'

/** Who holds this for the whole directory can make himself anything. */
export const GIVE_ROLES = 'microsoft.directory/roleAssignments/allProperties/allTasks'

const CHANGE_SELF_SERVICE = 'microsoft.directory/authorizationPolicy/allProperties/allTasks'

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
  const mayEverywhere = (permission: PermissionName): boolean =>
    reachesEverywhere(actor.grants.reach(permission))
  if (!mayEverywhere(GIVE_ROLES) && (await holdsRoles(db, principalId, now))) {
    throw new AppError(
      'FORBIDDEN',
      `This user, group or app holds roles: to change it needs the permission ${GIVE_ROLES} for the whole directory.`,
    )
  }
  if (!mayEverywhere(CHANGE_SELF_SERVICE) && (await isInSelfServicePolicy(db, principalId))) {
    throw new AppError(
      'FORBIDDEN',
      `The self-service policy names this group: to change it needs the permission ${CHANGE_SELF_SERVICE} for the whole directory.`,
    )
  }
}

/**
 * Directly, by a group, or as an app by app roles.
 *
 * An assignment that is over counts for the group or app that it was given to: whoever is planted
 * there would have the role as soon as somebody extends it. It does not count for a person, whom
 * the helpdesk may help again when his time as an administrator is over.
 */
export async function holdsRoles(
  db: Kysely<Database>,
  principalId: string,
  now: Date,
): Promise<boolean> {
  const { rows } = await sql`
    select from role_assignment assignment
      join principal holder on holder.id = assignment.principal_id
     where (assignment.expires_at is null or assignment.expires_at > ${now}
            or (holder.id = ${principalId} and holder.type <> 'user'))
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

export async function isInSelfServicePolicy(
  db: Kysely<Database>,
  principalId: string,
): Promise<boolean> {
  const { rows } = await sql`
    select from self_service_group where group_id = ${principalId}`.execute(db)
  return rows.length > 0
}
