/**
 * The two kinds of error that this server throws on purpose.
 *
 * `AppError` answers a request: its code is one of the contract's catalogue (docs/errors.md), and
 * `http/problem.ts` alone turns it into an RFC 9457 body. `StartError` stops the process: its
 * message is a sentence for the person at the console. Everything else that is thrown is a bug and
 * becomes a bare 500. No message ever holds a secret.
 */

import { ERROR_CODES, type ErrorCode } from '@keydesk/contract'

export interface AppErrorOptions {
  readonly cause?: unknown
  /** Answered as `Retry-After`: whole seconds after which the same request may work. */
  readonly retryAfterSeconds?: number
  /** Answered as `WWW-Authenticate` instead of a bare `Bearer`. */
  readonly challenge?: string
  /** Answered as `condition`: which of several conditions failed. */
  readonly condition?: string
}

/**
 * An expected failure of one request. `detail` is shown to the caller: what is wrong, what to do.
 */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly retryAfterSeconds: number | undefined
  readonly challenge: string | undefined
  readonly condition: string | undefined

  constructor(code: ErrorCode, detail: string, options: AppErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.status = ERROR_CODES[code].status
    this.retryAfterSeconds = options.retryAfterSeconds
    this.challenge = options.challenge
    this.condition = options.condition
  }
}

/** Something that keeps the server from starting. The message names it and says what to do. */
export class StartError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'StartError'
  }
}
