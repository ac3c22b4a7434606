/**
 * Writes a refused request to the audit log, up to a rate for each caller: whoever holds a captured
 * token, or nothing at all, can send requests without end and must not be able to fill the log.
 * What goes beyond is one entry for each caller and minute, with how many there were.
 *
 * Strangers have a rate for each network and, because networks are cheap, one for all together.
 * Wrong guesses at a sign-in, which are slowed down by themselves, have rates of their own, so that
 * nobody hides them behind other junk.
 */

import { appendAudit, type AuditActor, type NewAuditEntry } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'
import { networkOf } from '../http/rate-limit.ts'

interface Denial extends Omit<NewAuditEntry, 'occurredAt' | 'action' | 'outcome'> {
  /** Of a stranger, where it is known. */
  readonly address?: string
  /** A wrong password or code. */
  readonly isWrongGuess?: true
}

/** Never throws: the request is refused in any case. */
export type RecordDenial = (denial: Denial) => Promise<void>

export interface DenialRecorder {
  readonly recordDenial: RecordDenial
  /** Writes what is counted and not yet on record. Never throws. */
  readonly flush: () => Promise<void>
}

/** Entries about one caller, or one network of strangers, in a minute, for each server. */
const PER_MINUTE = 60
/** About all strangers together; once for wrong guesses and once for all else. */
const STRANGERS_PER_MINUTE = 300
const MINUTE_MS = 60_000

interface Recorded {
  readonly actor: AuditActor
  count: number
  passedOver: number
  /** Entries by network, of strangers. */
  readonly networks: Map<string, number>
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
  function takeSlot({ actor, address, isWrongGuess }: Denial): boolean {
    const kind = isWrongGuess === true ? ' guessing' : ''
    const caller = 'id' in actor ? `${actor.type} ${actor.id}` : `${actor.type}${kind}`
    const recorded = callers.get(caller) ?? { actor, count: 0, passedOver: 0, networks: new Map() }
    callers.set(caller, recorded)
    if (hasSlot(recorded, address)) return true
    recorded.passedOver += 1
    // Where no other refusal ends the window, time does.
    timer ??= setTimeout(() => void flush(), MINUTE_MS).unref()
    return false
  }

  return {
    recordDenial: async (denial) => {
      const occurredAt = deps.clock.now()
      if (occurredAt.getTime() - windowStartedAt.getTime() >= MINUTE_MS) await flush()
      if (!takeSlot(denial)) return
      const { address: _, isWrongGuess: __, ...entry } = denial
      await append([{ ...entry, occurredAt, action: 'request.deny', outcome: 'denied' }])
    },
    flush,
  }
}

/** Counts it, if there is room. */
function hasSlot(recorded: Recorded, address = ''): boolean {
  if ('id' in recorded.actor) {
    if (recorded.count >= PER_MINUTE) return false
  } else {
    const network = networkOf(address)
    const ofNetwork = recorded.networks.get(network) ?? 0
    if (recorded.count >= STRANGERS_PER_MINUTE || ofNetwork >= PER_MINUTE) return false
    recorded.networks.set(network, ofNetwork + 1)
  }
  recorded.count += 1
  return true
}
