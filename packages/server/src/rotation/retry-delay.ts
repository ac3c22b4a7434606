/**
 * How long after a failed rotation the next one is due. The first failures are often of the moment
 * (a disk that is busy, a restart); a lasting one must not make the device try all day.
 */

const FIRST_SECONDS = 5 * 60
const LONGEST_SECONDS = 24 * 3600

/** `attempt` from 1: the one that failed. */
export function retryDelaySeconds(attempt: number): number {
  return Math.min(FIRST_SECONDS * 2 ** Math.min(attempt - 1, 20), LONGEST_SECONDS)
}
