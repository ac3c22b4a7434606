/**
 * Writes a refused request to the audit log, up to a rate for each caller: whoever holds a captured
 * token, or nothing at all, can send requests without end and must not be able to fill the log.
 */

import { appendAudit, type AuditActor, type NewAuditEntry } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'

export type Denial = Omit<NewAuditEntry, 'occurredAt' | 'action' | 'outcome'>

/** Never throws: the request is refused in any case. */
export type RecordDenial = (denial: Denial) => Promise<void>

/**
 * Entries about one caller, or about all unidentified ones together, in a minute, for each server.
 */
const PER_MINUTE = 60
const MINUTE_MS = 60_000

interface Recorded {
  count: number
  passedOver: number
}

export function createDenialRecorder(deps: Pick<Deps, 'db' | 'clock' | 'log'>): RecordDenial {
  let windowStartedAt = 0
  const callers = new Map<string, Recorded>()

  /** False: this caller is over the rate. */
  function takeSlot(actor: AuditActor, now: Date): boolean {
    if (now.getTime() - windowStartedAt >= MINUTE_MS) {
      for (const [caller, { passedOver }] of callers) {
        if (passedOver > 0) deps.log.warn({ caller, passedOver }, 'refusals were not all audited')
      }
      callers.clear()
      windowStartedAt = now.getTime()
    }
    const caller = 'id' in actor ? `${actor.type} ${actor.id}` : actor.type
    const recorded = callers.get(caller) ?? { count: 0, passedOver: 0 }
    callers.set(caller, recorded)
    if (recorded.count < PER_MINUTE) recorded.count += 1
    else recorded.passedOver += 1
    return recorded.passedOver === 0
  }

  return async (denial) => {
    const occurredAt = deps.clock.now()
    if (!takeSlot(denial.actor, occurredAt)) return
    const entry = { ...denial, occurredAt, action: 'request.deny', outcome: 'denied' } as const
    try {
      await deps.db.transaction().execute((trx) => appendAudit(trx, [entry]))
    } catch (error) {
      deps.log.error({ err: error }, 'a refused request could not be audited')
    }
  }
}
