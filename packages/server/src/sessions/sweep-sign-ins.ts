/**
 * Forgets what nobody can use any more: expired sessions, states whose cookie has expired, and
 * failed guesses that no longer count.
 */

import { deleteCountersBefore } from '../accounts/throttle-queries.ts'
import type { Deps } from '../deps.ts'
import { deleteExpiredStates } from '../sign-in/state-queries.ts'
import { sweepSessions } from './session-queries.ts'

/** An ended session stays for as long as somebody may ask when and why it ended. */
const KEEP_MS = 30 * 86_400_000
/** Failed guesses are forgotten after a day at most. */
const COUNTERS_KEEP_MS = 2 * 86_400_000

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
  await deleteCountersBefore(db, new Date(now.getTime() - COUNTERS_KEEP_MS))
}
