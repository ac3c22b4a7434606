/**
 * Writes a refused request to the audit log, up to a rate for each caller: whoever holds a captured
 * token, or nothing at all, can send requests without end and must not be able to fill the log.
 * What goes beyond is one entry for each caller and minute, with how many there were.
 */

import { appendAudit, type AuditActor, type NewAuditEntry } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'

type Denial = Omit<NewAuditEntry, 'occurredAt' | 'action' | 'outcome'>

/** Never throws: the request is refused in any case. */
export type RecordDenial = (denial: Denial) => Promise<void>

export interface DenialRecorder {
  readonly recordDenial: RecordDenial
  /** Writes what is counted and not yet on record. Never throws. */
  readonly flush: () => Promise<void>
}

/**
 * Entries about one caller, or about all unidentified ones together, in a minute, for each server.
 */
const PER_MINUTE = 60
const MINUTE_MS = 60_000

interface Recorded {
  readonly actor: AuditActor
  count: number
  passedOver: number
}

export function createDenialRecorder(deps: Pick<Deps, 'db' | 'clock' | 'log'>): DenialRecorder {
  let windowStartedAt = deps.clock.now()
  let callers = new Map<string, Recorded>()
  let timer: NodeJS.Timeout | undefined

  async function append(entries: readonly NewAuditEntry[]): Promise<void> {
    if (entries.length === 0) return
    try {
      await deps.db.transaction().execute((trx) => appendAudit(trx, entries))
    } catch (error) {
      deps.log.error({ err: error }, 'a refused request could not be audited')
    }
  }

  /** Ends the window and writes its summaries. */
  async function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    const occurredAt = deps.clock.now()
    const [ended, startedAt] = [callers, windowStartedAt]
    callers = new Map()
    windowStartedAt = occurredAt
    const over = [...ended.values()].filter(({ passedOver }) => passedOver > 0)
    await append(
      over.map(({ actor, passedOver }) => ({
        occurredAt,
        action: 'request.deny',
        outcome: 'denied',
        actor,
        detail: { furtherRefusals: passedOver, since: startedAt.toISOString() },
      })),
    )
  }

  /** False: this caller is over the rate. */
  function takeSlot(actor: AuditActor): boolean {
    const caller = 'id' in actor ? `${actor.type} ${actor.id}` : actor.type
    const recorded = callers.get(caller) ?? { actor, count: 0, passedOver: 0 }
    callers.set(caller, recorded)
    if (recorded.count < PER_MINUTE) recorded.count += 1
    else recorded.passedOver += 1
    // Where no other refusal ends the window, time does.
    if (recorded.passedOver > 0) timer ??= setTimeout(() => void flush(), MINUTE_MS).unref()
    return recorded.passedOver === 0
  }

  return {
    recordDenial: async (denial) => {
      const occurredAt = deps.clock.now()
      if (occurredAt.getTime() - windowStartedAt.getTime() >= MINUTE_MS) await flush()
      if (!takeSlot(denial.actor)) return
      await append([{ ...denial, occurredAt, action: 'request.deny', outcome: 'denied' }])
    },
    flush,
  }
}
