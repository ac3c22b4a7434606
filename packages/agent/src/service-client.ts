/**
 * Requests to the service, each signed by the device key (docs/spec/device-requests.md).
 *
 * Every try of a request is signed anew: a token is accepted once, and an answer may have been lost
 * after the service acted. All three routes are idempotent, so repeating is safe.
 * - No connection, time-out, 408, 425, 429, 5xx: tried again with back-off, at most
 *   `requestAttempts` times; a longer Retry-After ends the round.
 * - CLOCK_SKEW: the offset is taken from the Date header, kept, and the request tried once more.
 * - Any other refusal will not change by itself and is not repeated.
 */
import { signDeviceRequest } from '@keydesk/contract/device-request'
import { backoffMs, retryAfterMs } from './backoff.ts'
import type { Clock } from './clock.ts'
import type { DeviceKeyPair } from './device-key.ts'
import { AgentError, connectionReason } from './errors.ts'
import { AGENT_LIMITS } from './limits.ts'
import { readAnswer, readBody, readProblem } from './read-answer.ts'
import type { AnswerForm } from './read-answer.ts'

/** What comes from outside; tests replace it. */
export interface ClientDeps {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
}

export interface ServiceIdentity {
  /** Where requests go. */
  readonly server: string
  /** What the service calls itself: `aud`. */
  readonly origin: string
  readonly key: DeviceKeyPair
  /** Absent at enrolment only. */
  readonly deviceId?: string
  readonly clockOffsetMs: number
}

interface Refusal {
  readonly status: number
  readonly code?: string
  readonly detail: string
  readonly retryAfterMs?: number
  readonly date: string | null
}

type Outcome =
  | { readonly type: 'answer'; readonly body: unknown }
  | { readonly type: 'refusal'; readonly refusal: Refusal }
  | { readonly type: 'unreachable'; readonly reason: string; readonly cause: unknown }

const TEMPORARY_STATUS = new Set([408, 425, 429, 500, 502, 503, 504])

export class ServiceClient {
  readonly #deps: ClientDeps
  readonly #identity: ServiceIdentity
  readonly #signal: AbortSignal | undefined
  #clockOffsetMs: number

  constructor(deps: ClientDeps, identity: ServiceIdentity, signal?: AbortSignal) {
    this.#deps = deps
    this.#identity = identity
    this.#signal = signal
    this.#clockOffsetMs = identity.clockOffsetMs
  }

  /** Added to the PC's clock; changes when the service corrects it. */
  get clockOffsetMs(): number {
    return this.#clockOffsetMs
  }

  /**
   * Send `body` and read the answer as `answer`. Throws AgentError: SERVER_UNREACHABLE, SERVER_BUSY
   * (with `retryAfterMs`), SERVER_REFUSED (with `serverCode`) or SERVER_ANSWER.
   */
  async post<T>(path: string, body: object, answer: AnswerForm<T>): Promise<T> {
    const bytes = new TextEncoder().encode(JSON.stringify(body))
    let isClockCorrected = false
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#send(path, bytes)
      if (outcome.type === 'answer') return readAnswer(answer, outcome.body, path)
      if (outcome.type === 'refusal' && outcome.refusal.code === 'CLOCK_SKEW') {
        if (isClockCorrected || !this.#correctClock(outcome.refusal)) {
          throw this.#refused(outcome.refusal)
        }
        isClockCorrected = true
        continue
      }
      await this.#pauseOrThrow(outcome, attempt)
    }
  }

  async #send(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<Outcome> {
    const { server, origin, key, deviceId } = this.#identity
    const { fetch, clock } = this.#deps
    const token = await signDeviceRequest({
      ...key,
      deviceId,
      target: { origin, method: 'POST', url: path, body: bytes },
      issuedAt: new Date(clock.now() + this.#clockOffsetMs),
    })
    const timeout = AbortSignal.timeout(AGENT_LIMITS.requestTimeoutMs)
    try {
      const response = await fetch(server + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: bytes,
        redirect: 'error',
        signal: this.#signal === undefined ? timeout : AbortSignal.any([timeout, this.#signal]),
      })
      const body = await readBody(response)
      if (response.ok) return { type: 'answer', body }
      const wait = retryAfterMs(response.headers.get('retry-after'), clock.now())
      const refusal = {
        status: response.status,
        date: response.headers.get('date'),
        ...readProblem(body),
        ...(wait === undefined ? {} : { retryAfterMs: wait }),
      }
      return { type: 'refusal', refusal }
    } catch (error) {
      this.#signal?.throwIfAborted()
      return { type: 'unreachable', reason: connectionReason(error), cause: error }
    }
  }

  /** False when the service did not say a time that could be true. */
  #correctClock({ date }: Refusal): boolean {
    const now = this.#deps.clock.now()
    const offset = Date.parse(date ?? '') - now
    if (!Number.isFinite(offset) || Math.abs(offset) > AGENT_LIMITS.clockOffsetMs) return false
    this.#clockOffsetMs = offset
    return true
  }

  async #pauseOrThrow(outcome: Exclude<Outcome, { type: 'answer' }>, attempt: number) {
    const refusal = outcome.type === 'refusal' ? outcome.refusal : undefined
    if (refusal !== undefined && !isTemporaryRefusal(refusal)) throw this.#refused(refusal)
    const asked = refusal?.retryAfterMs
    const isLast = attempt + 1 >= AGENT_LIMITS.requestAttempts
    if (isLast || (asked ?? 0) > AGENT_LIMITS.retryPauseMs) throw this.#temporary(outcome)
    const { clock, random } = this.#deps
    const pause = backoffMs({
      attempt,
      baseMs: AGENT_LIMITS.retryBaseMs,
      ceilingMs: AGENT_LIMITS.retryPauseMs,
      random: random(),
    })
    // The service's wish is a minimum; the jitter on top keeps a fleet from coming back at once.
    await clock.sleep((asked ?? 0) + pause, this.#signal)
  }

  #temporary(outcome: Exclude<Outcome, { type: 'answer' }>): AgentError {
    const { server } = this.#identity
    if (outcome.type === 'unreachable') {
      return new AgentError(
        'SERVER_UNREACHABLE',
        `The service at ${server} cannot be reached (${outcome.reason}).`,
        { cause: outcome.cause },
      )
    }
    const { status, detail, retryAfterMs: wait } = outcome.refusal
    return new AgentError(
      'SERVER_BUSY',
      `The service at ${server} cannot answer now (${status}: ${detail}).`,
      wait === undefined ? {} : { retryAfterMs: wait },
    )
  }

  #refused({ status, code, detail }: Refusal): AgentError {
    const name = code === undefined ? `${status}` : `${status} ${code}`
    const advice =
      code === 'DEVICE_UNAUTHORIZED' && this.#identity.deviceId !== undefined
        ? ' If this PC was removed there, move its state file away and enrol it again.'
        : ''
    return new AgentError(
      'SERVER_REFUSED',
      `The service at ${this.#identity.server} refused (${name}): ${detail}${advice}`,
      code === undefined ? {} : { serverCode: code },
    )
  }
}

/** A replayed token is cured by the next one, which is made anew. */
function isTemporaryRefusal({ status, code }: Refusal): boolean {
  return TEMPORARY_STATUS.has(status) || code === 'REQUEST_REPLAYED'
}
