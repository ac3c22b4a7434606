/**
 * Time as the agent sees it. A PC that comes out of recovery often has a wrong clock, so nothing
 * here trusts the wall clock for anything but the times that it writes down.
 */
import { setTimeout as pause } from 'node:timers/promises'

export interface Clock {
  /** Milliseconds since 1970 by the PC's own clock, uncorrected. */
  now(): number
  /** Rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await pause(ms, undefined, signal === undefined ? {} : { signal })
  },
}
