/** The open sessions of a user, for himself and for administrators. Never what a cookie holds. */

import { LIMITS, type Session, type SessionList } from '@keydesk/contract'
import type { Deps } from '../deps.ts'
import { selectOpenSessions, type SessionRow } from './session-queries.ts'

/** A user who does not exist has none. */
export async function showSessions(
  { db, clock, config }: Pick<Deps, 'db' | 'clock' | 'config'>,
  userId: string,
  currentSessionId: string | undefined,
): Promise<SessionList> {
  const now = clock.now()
  const idleSince = new Date(now.getTime() - config.sessionIdleSeconds * 1000)
  const limit = LIMITS.sessionsListedMax
  const rows = await selectOpenSessions(db, userId, { now, idleSince, limit })
  return { items: rows.map((row) => toSession(row, currentSessionId)) }
}

function toSession(row: SessionRow, currentSessionId: string | undefined): Session {
  return {
    id: row.id,
    isCurrent: row.id === currentSessionId,
    createdAt: row.created_at.toISOString(),
    lastSeenAt: row.last_seen_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    ...(row.authenticated_at === null
      ? {}
      : { authenticatedAt: row.authenticated_at.toISOString() }),
    methods: row.amr,
    ipAddress: row.ip_address,
    ...(row.user_agent === null ? {} : { userAgent: row.user_agent }),
  }
}
