/**
 * How long to wait before the next try: exponential back-off with full jitter, so that a thousand
 * PCs which lost the same service do not come back in the same second.
 */
import { AGENT_LIMITS } from './limits.ts'

interface Backoff {
  /** 0 after the first failure. */
  attempt: number
  baseMs: number
  ceilingMs: number
  /** In [0, 1). */
  random: number
}

/** A pause in milliseconds: uniform in [0, min(ceiling, base × 2^attempt)). */
export function backoffMs({ attempt, baseMs, ceilingMs, random }: Backoff): number {
  return Math.floor(random * Math.min(ceilingMs, baseMs * 2 ** Math.min(attempt, 30)))
}

/**
 * The Retry-After header (RFC 9110 §10.2.3: seconds, or an HTTP date) in milliseconds, at most a
 * day; `undefined` where it is absent or not readable.
 */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined
  const text = header.trim()
  const waitMs = /^\d{1,10}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs
  if (!Number.isFinite(waitMs)) return undefined
  return Math.min(Math.max(0, waitMs), AGENT_LIMITS.retryAfterMs)
}
