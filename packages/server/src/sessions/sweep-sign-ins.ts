/** Forgets what nobody can use any more: expired sessions, and states whose cookie has expired. */

import type { Deps } from '../deps.ts'
import { deleteExpiredStates } from '../sign-in/state-queries.ts'
import { sweepSessions } from './session-queries.ts'

/** An ended session stays for as long as somebody may ask when and why it ended. */
const KEEP_MS = 30 * 86_400_000

export async function sweepSignIns({
  db,
  clock,
  config,
}: Pick<Deps, 'db' | 'clock' | 'config'>): Promise<void> {
  const now = clock.now()
  await sweepSessions(db, {
    now,
    idleSince: new Date(now.getTime() - config.sessionIdleSeconds * 1000),
    keepSince: new Date(now.getTime() - KEEP_MS),
  })
  await deleteExpiredStates(db, now)
}
