/**
 * Changes a user. Who is disabled loses every session and token in the same transaction; the last
 * administrator is never disabled. Idempotent: what is already so is not recorded again.
 */

import type { Transaction } from 'kysely'
import { keepAnAdministrator } from '../access/keep-an-administrator.ts'
import { appendAudit, type NewAuditEntry } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import { requireAuthority, type ChangedBy } from './changed-by.ts'
import { refuseTakenName } from './database-refusal.ts'
import { endSignIns } from './end-sign-ins.ts'
import { unknownUser } from './list-users.ts'
import { lockUser, updateUser, type UserChanges, type UserRow } from './user-queries.ts'

/**
 * Must be the first in its transaction that locks a row, where it disables (see
 * `keepAnAdministrator`). Throws AppError NOT_FOUND, NAME_TAKEN, LAST_ADMINISTRATOR, and FORBIDDEN
 * where the user holds roles and `by.principal` may not give roles.
 */
export async function changeUser(
  trx: Transaction<Database>,
  by: ChangedBy,
  userId: string,
  changes: UserChanges,
): Promise<UserRow> {
  const change = async (): Promise<UserRow> => await makeChange(trx, by, userId, changes)
  return changes.is_active === false
    ? await keepAnAdministrator(trx, by.now, change)
    : await change()
}

async function makeChange(
  trx: Transaction<Database>,
  by: ChangedBy,
  userId: string,
  changes: UserChanges,
): Promise<UserRow> {
  const user = await lockUser(trx, userId)
  if (user === undefined) throw unknownUser()
  const different = differences(user, changes)
  const names = Object.keys(different) as (keyof UserChanges)[]
  if (names.length === 0) return user
  await requireAuthority(trx, by, userId)
  const changed = await refuseTakenName(
    'user',
    async () => await updateUser(trx, userId, different, by.now),
  )
  if (different.is_active === false) await endSignIns(trx, [userId], by.now)
  await appendAudit(trx, userEntries(by, changed, different))
  return changed
}

/** Those that are not so already. */
export function differences(user: UserRow, changes: UserChanges): UserChanges {
  return Object.fromEntries(
    Object.entries(changes).filter(
      ([name, value]) => value !== undefined && value !== user[name as keyof UserChanges],
    ),
  )
}

/** What changed, by name; the values are personal data and not for the log. */
export function userEntries(
  by: ChangedBy,
  user: Pick<UserRow, 'id' | 'user_principal_name'>,
  changes: UserChanges,
): NewAuditEntry[] {
  const entry = (action: NewAuditEntry['action'], more: NewAuditEntry['detail'] = {}) =>
    ({
      occurredAt: by.now,
      action,
      outcome: 'success',
      actor: by.actor,
      requestId: by.requestId,
      detail: { userId: user.id, userPrincipalName: user.user_principal_name, ...more },
    }) as const
  const { is_active, ...rest } = changes
  const fields = Object.keys(rest).map((name) => FIELD_NAMES[name as keyof typeof FIELD_NAMES])
  return [
    ...(fields.length === 0 ? [] : [entry('user.update', { fields: fields.join(' ') })]),
    ...(is_active === undefined ? [] : [entry(is_active ? 'user.enable' : 'user.disable')]),
  ]
}

const FIELD_NAMES = {
  user_principal_name: 'userPrincipalName',
  display_name: 'displayName',
  given_name: 'givenName',
  family_name: 'familyName',
  mail: 'mail',
  department: 'department',
  external_id: 'externalId',
} as const satisfies Record<Exclude<keyof UserChanges, 'is_active'>, string>
