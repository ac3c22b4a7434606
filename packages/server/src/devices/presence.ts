/**
 * When devices were last seen. Kept in memory and written every two seconds in one statement: a
 * million devices that report every hour must not cost a million single-row commits. A server that
 * crashes forgets two seconds of it.
 */

import type { Deps } from '../deps.ts'
import { upsertPresence } from './check-in-queries.ts'

const FLUSH_INTERVAL_MS = 2000

export interface Presence {
  see(deviceId: string, at: Date): void
  /** Writes what is in memory. Never throws: what could not be written is tried again. */
  flush(): Promise<void>
  start(): void
  /** Stops the timer and writes the rest. */
  stop(): Promise<void>
}

export function createPresence(deps: Pick<Deps, 'db' | 'log'>): Presence {
  let seen = new Map<string, Date>()
  let timer: NodeJS.Timeout | undefined
  let flushing: Promise<void> = Promise.resolve()

  async function write(): Promise<void> {
    if (seen.size === 0) return
    const batch = seen
    seen = new Map()
    try {
      await upsertPresence(
        deps.db,
        [...batch].map(([deviceId, at]) => ({ deviceId, at })),
      )
    } catch (error) {
      deps.log.warn({ err: error }, 'the times when devices were seen could not be written')
      // What came meanwhile is newer.
      seen = new Map([...batch, ...seen])
    }
  }

  const flush = async (): Promise<void> => {
    flushing = flushing.then(write)
    await flushing
  }

  return {
    see: (deviceId, at) => void seen.set(deviceId, at),
    flush,
    start: () => {
      timer = setInterval(() => void flush(), FLUSH_INTERVAL_MS)
    },
    stop: async () => {
      clearInterval(timer)
      await flush()
    },
  }
}
