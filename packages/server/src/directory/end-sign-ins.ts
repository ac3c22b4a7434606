/**
 * Ends every way in which users are signed in, in the transaction of its cause: browser sessions,
 * the built-in issuer's own sessions, grants and refresh tokens, and, by the time from which
 * credentials count, the access tokens of every issuer.
 * What is sent after the commit is refused (`access/load-principal.ts` asks at every request).
 *
 * The caller decides who may do that and appends the audit entry of what it does.
 */

import type { Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'
import { deleteIssuerStateOfUsers } from '../issuer/state-queries.ts'
import { endUserSessions, type SessionEnd } from '../sessions/session-queries.ts'
import { refuseOlderCredentials } from './end-sign-ins-queries.ts'

/** Idempotent. Returns how many sessions it ended. */
export async function endSignIns(
  trx: Transaction<Database>,
  userIds: readonly string[],
  now: Date,
  reason: SessionEnd = 'userDisabled',
): Promise<number> {
  if (userIds.length === 0) return 0
  await refuseOlderCredentials(trx, userIds, now)
  await deleteIssuerStateOfUsers(trx, userIds)
  return await endUserSessions(trx, userIds, { at: now, reason })
}
