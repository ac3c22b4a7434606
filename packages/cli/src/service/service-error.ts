/**
 * What the service refused, as one line. The code is the service's own (docs/errors.md), so that a
 * script can tell the refusals apart with `--json`. Ends with exit code 1.
 */
import type { ErrorCode } from '@keydesk/contract'
import { CommandError, EXIT_REFUSED, type CommandErrorCode } from '../command-error.ts'
import { oneLine } from './one-line.ts'

/** Hints for what a person at a terminal does next. */
const ADVICE: Readonly<Partial<Record<ErrorCode, string>>> = {
  UNAUTHENTICATED: 'sign in with "keydesk login"',
  STEP_UP_REQUIRED: 'sign in again with "keydesk login --step-up"',
}

/** From RFC 9457 problem details; `body` is whatever the answer held. */
export function refusal(status: number, body: unknown): CommandError {
  const problem = typeof body === 'object' && body !== null ? body : {}
  const code = 'code' in problem && typeof problem.code === 'string' ? problem.code : undefined
  const detail = 'detail' in problem && typeof problem.detail === 'string' ? problem.detail : ''
  if (code === undefined || !/^[A-Z][A-Z0-9_]{2,60}$/.test(code)) {
    return serviceFailure('SERVER_ANSWER', `The service answered ${status} and did not say why`)
  }
  const text = oneLine(detail).replace(/\.$/, '')
  const advice = ADVICE[code as ErrorCode]
  const message = advice === undefined ? text : `${text}: ${advice}`
  // A newer service has codes that this command does not know.
  return serviceFailure(code as CommandErrorCode, `${message} [${code}]`)
}

/** A failure on the way to the service or the issuer, or of the sign-in. */
export function serviceFailure(
  code: CommandErrorCode,
  message: string,
  cause?: unknown,
): CommandError {
  return new CommandError(code, message, { exitCode: EXIT_REFUSED, cause })
}

/** `fetch failed` says nothing; its cause does. */
export function connectionReason(error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'no answer in time'
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (cause instanceof DOMException && cause.name === 'TimeoutError') return 'no answer in time'
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code
  return cause instanceof Error ? oneLine(cause.message) : 'unknown reason'
}
