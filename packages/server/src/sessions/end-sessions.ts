/** Ends sessions on demand: of oneself, or as an administrator of another, one or all of them. */

import type { EndedSessions } from '@keydesk/contract'
import { auditActor, type ByPrincipal } from '../access/actor.ts'
import { requireAuthorityOver } from '../access/require-authority-over.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'
import { endSignIns } from '../directory/end-sign-ins.ts'
import { AppError } from '../errors.ts'
import { deleteIssuerSessionsOfUsers } from '../issuer/state-queries.ts'
import { endSession, type SessionEnd } from './session-queries.ts'

type EndDeps = Pick<Deps, 'db' | 'clock'>

export interface WhichSession {
  readonly id: string
  readonly userId: string
}

/** Throws AppError NOT_FOUND also for a session that has ended. */
export async function endOwnSession(
  deps: EndDeps,
  by: ByPrincipal,
  sessionId: string,
): Promise<EndedSessions> {
  return await endOne(deps, by, { id: sessionId, userId: by.principal.id }, 'byUser')
}

/** Throws AppError NOT_FOUND, and FORBIDDEN where the user holds roles and `by` cannot give any. */
export async function endUserSession(
  deps: EndDeps,
  by: ByPrincipal,
  which: WhichSession,
): Promise<EndedSessions> {
  await requireAuthorityOver(deps.db, by.principal, which.userId, deps.clock.now())
  return await endOne(deps, by, which, 'byAdministrator')
}

/**
 * Every session, and every access and refresh token of the user. Idempotent. Throws AppError
 * FORBIDDEN where the user holds roles and `by` cannot give any.
 */
export async function endAllSignIns(
  deps: EndDeps,
  by: ByPrincipal,
  userId: string,
): Promise<EndedSessions> {
  const now = deps.clock.now()
  return await deps.db.transaction().execute(async (trx) => {
    await requireAuthorityOver(trx, by.principal, userId, now)
    const ended = await endSignIns(trx, [userId], now, 'byAdministrator')
    await appendAudit(trx, [
      {
        occurredAt: now,
        action: 'user.endSignIns',
        outcome: 'success',
        actor: auditActor(by.principal),
        requestId: by.requestId,
        detail: { userId, sessions: ended },
      },
    ])
    return { ended }
  })
}

async function endOne(
  { db, clock }: EndDeps,
  by: ByPrincipal,
  which: WhichSession,
  reason: SessionEnd,
): Promise<EndedSessions> {
  const now = clock.now()
  return await db.transaction().execute(async (trx) => {
    if (!(await endSession(trx, which, { at: now, reason }))) {
      throw new AppError('NOT_FOUND', 'There is no open session with this ID.')
    }
    // Else the issuer would vouch for that browser again without asking, and it had a new session.
    await deleteIssuerSessionsOfUsers(trx, [which.userId])
    await appendAudit(trx, [
      {
        occurredAt: now,
        action: 'session.end',
        outcome: 'success',
        actor: auditActor(by.principal),
        requestId: by.requestId,
        detail: { sessionId: which.id, userId: which.userId, reason },
      },
    ])
    return { ended: 1 }
  })
}
