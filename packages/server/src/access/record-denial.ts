/**
 * Writes a refused request to the audit log. Whoever could not be identified can send requests
 * without end, so their refusals are recorded up to a rate and counted beyond it: nobody outside can
 * fill the log.
 */

import { appendAudit, type NewAuditEntry } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'

export type Denial = Omit<NewAuditEntry, 'occurredAt' | 'action' | 'outcome'>

/** Entries that one server writes about unidentified callers in a minute: enough to see an attack. */
const ANONYMOUS_PER_MINUTE = 60
const MINUTE_MS = 60_000

/** Never throws: the request is refused in any case, and the reason goes to the log. */
export type RecordDenial = (denial: Denial) => Promise<void>

export function createDenialRecorder(deps: Pick<Deps, 'db' | 'clock' | 'log'>): RecordDenial {
  let windowStartedAt = 0
  let recorded = 0
  let suppressed = 0

  /** Undefined: over the rate. Otherwise how many were passed over since the last entry. */
  function takeAnonymousSlot(now: Date): number | undefined {
    if (now.getTime() - windowStartedAt >= MINUTE_MS) {
      windowStartedAt = now.getTime()
      recorded = 0
    }
    if (recorded >= ANONYMOUS_PER_MINUTE) {
      suppressed += 1
      return undefined
    }
    recorded += 1
    const passedOver = suppressed
    suppressed = 0
    return passedOver
  }

  return async (denial) => {
    const occurredAt = deps.clock.now()
    let detail = denial.detail
    if (denial.actor.type === 'anonymous') {
      const passedOver = takeAnonymousSlot(occurredAt)
      if (passedOver === undefined) return
      if (passedOver > 0) detail = { ...detail, unrecordedBefore: passedOver }
    }
    const entry = { ...denial, detail, occurredAt, action: 'request.deny', outcome: 'denied' } as const
    try {
      await deps.db.transaction().execute((trx) => appendAudit(trx, [entry]))
    } catch (error) {
      deps.log.error({ err: error }, 'a refused request could not be recorded')
    }
  }
}
