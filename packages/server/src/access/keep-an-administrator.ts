/**
 * There is always somebody who can give roles: no change may take away the last one. Every
 * transaction that could (an assignment that goes or expires, a deny, a user who is disabled or
 * deleted, a group that loses members or goes) makes its change within `keepAnAdministrator`.
 *
 * Such transactions wait for each other from their beginning to their end, so two administrators
 * who remove each other at the same moment cannot both succeed.
 *
 * Who counts: an active user who is Global Administrator of the whole directory without an end and
 * is not denied giving roles. Directly, or by a group that somebody put him into: what the issuer's
 * groups claim says comes and goes with his sign-ins, where nobody could be refused.
 */

import { BUILT_IN_ROLES, GLOBAL_ADMINISTRATOR } from '@keydesk/contract'
import { sql, type Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { GIVE_ROLES } from './require-authority-over.ts'

/** Any number that no other lock of ours has. */
const ADMINISTRATORS_LOCK = '21183411741485430'

/** A deny of one of these leaves a Global Administrator unable to give roles, himself included. */
const ROLES_THAT_GIVE_ROLES = BUILT_IN_ROLES.filter(({ permissions }) =>
  permissions.includes(GIVE_ROLES),
).map(({ id }) => id)

/**
 * Makes the change and returns its result. Throws AppError LAST_ADMINISTRATOR where there was an
 * administrator before it and there is none after it; a new deployment without one is not held up.
 *
 * Must come before anything else in the transaction that locks a row: whoever holds the row of a
 * user and then waits here deadlocks with the one who is let in first. Calls may be nested.
 */
export async function keepAnAdministrator<T>(
  trx: Transaction<Database>,
  now: Date,
  change: () => Promise<T>,
): Promise<T> {
  await sql`select pg_advisory_xact_lock(${ADMINISTRATORS_LOCK}::bigint)`.execute(trx)
  const hadOne = await hasAdministrator(trx, now)
  const result = await change()
  if (hadOne && !(await hasAdministrator(trx, now))) {
    throw new AppError(
      'LAST_ADMINISTRATOR',
      'Afterwards nobody could give roles any more. Make another user Global Administrator of the whole directory first, directly and without an expiry.',
    )
  }
  return result
}

async function hasAdministrator(trx: Transaction<Database>, now: Date): Promise<boolean> {
  const { rows } = await sql`
    with holder as not materialized (
      select person.id as user_id, person.id as principal_id, true as is_lasting
        from directory_user person
       where person.is_active and person.deleted_at is null
      union all
      select person.id, member.group_id, member.source = 'assigned'
        from directory_user person
        join group_member member on member.user_id = person.id
        join directory_group grp on grp.id = member.group_id and grp.deleted_at is null
       where person.is_active and person.deleted_at is null
    )
    select from holder
      join role_assignment assignment on assignment.principal_id = holder.principal_id
     where assignment.role_id = ${GLOBAL_ADMINISTRATOR} and assignment.effect = 'allow'
       and assignment.scope_type = 'directory' and assignment.expires_at is null
       and holder.is_lasting
       and not exists (
         select from holder denied
           join role_assignment deny on deny.principal_id = denied.principal_id
           left join role_definition role on role.id = deny.role_id
          where denied.user_id = holder.user_id
            and deny.effect = 'deny' and deny.scope_type = 'directory'
            and (deny.expires_at is null or deny.expires_at > ${now})
            and (deny.role_id = any(${ROLES_THAT_GIVE_ROLES}::uuid[])
                 or ${GIVE_ROLES} = any(role.permissions)))
     limit 1`.execute(trx)
  return rows.length > 0
}
