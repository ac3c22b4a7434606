/**
 * Gives audit entries their indexes: contiguous from 0, in the order of their IDs within a batch,
 * and never before an entry that was already committed when the batch began.
 *
 * One server at a time, under an advisory lock that ends with the transaction: a sequencer that
 * dies leaves no lock and no gap, and the next one goes on where it stopped. Entries do not wait
 * for it.
 */

import type { Deps } from '../deps.ts'
import { indexPending, tryLockSequencer } from './queries.ts'

/** One transaction indexes a thousand entries in some ten milliseconds. */
const BATCH_SIZE = 1000

/** Indexes what is pending. Returns how many; 0 too where another server is at it. */
export async function sequenceAudit(deps: Pick<Deps, 'db' | 'clock'>): Promise<number> {
  let total = 0
  for (;;) {
    const indexed = await deps.db.transaction().execute(async (trx) => {
      if (!(await tryLockSequencer(trx))) return 0
      return await indexPending(trx, { limit: BATCH_SIZE, now: deps.clock.now() })
    })
    total += indexed
    if (indexed < BATCH_SIZE) return total
  }
}
