/** Sweeps what the issuer no longer needs to know. */

import type { Deps } from '../deps.ts'
import { deleteExpiredState } from './state-queries.ts'

/** So long a program that comes late is told that its code has expired. */
const GRACE_MS = 60 * 60 * 1000

export async function forgetExpiredState({ db, clock }: Pick<Deps, 'db' | 'clock'>): Promise<void> {
  const now = clock.now()
  await deleteExpiredState(db, { now, before: new Date(now.getTime() - GRACE_MS) })
}
