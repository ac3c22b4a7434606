/**
 * The agent's expected failures: a code, a sentence for a person, and the exit code of the command
 * that ends with it. Messages never contain a recovery password, a key or a token.
 */
const EXIT_ATTENTION = 1
const EXIT_USAGE = 2
const EXIT_UNREACHABLE = 3
const EXIT_REFUSED = 4

/** Code → exit code. docs/agent.md lists the same codes; a test compares both. */
export const AGENT_ERRORS = {
  ENCRYPTION_REFUSED: EXIT_ATTENTION,
  VOLUME_UNKNOWN: EXIT_ATTENTION,
  PROVIDER_FAILED: EXIT_ATTENTION,
  USAGE: EXIT_USAGE,
  TOKEN_FILE: EXIT_USAGE,
  STATE_MISSING: EXIT_USAGE,
  STATE_READ: EXIT_USAGE,
  STATE_CORRUPT: EXIT_USAGE,
  STATE_VERSION: EXIT_USAGE,
  STATE_LOCKED: EXIT_USAGE,
  STATE_OTHER_SERVER: EXIT_USAGE,
  STATE_WRITE: EXIT_USAGE,
  NOT_ENROLLED: EXIT_USAGE,
  SERVER_UNREACHABLE: EXIT_UNREACHABLE,
  SERVER_BUSY: EXIT_UNREACHABLE,
  SERVER_REFUSED: EXIT_REFUSED,
  SIGN_IN_FAILED: EXIT_REFUSED,
  SERVER_ANSWER: EXIT_REFUSED,
  RECEIPT_INVALID: EXIT_REFUSED,
} as const satisfies Record<string, number>

export type AgentErrorCode = keyof typeof AGENT_ERRORS

interface AgentErrorOptions {
  cause?: unknown
  /** The service's own code (`SERVER_REFUSED`), e.g. `PROTECTOR_CONFLICT`. */
  serverCode?: string
  /** Milliseconds that the service asked to wait (`SERVER_BUSY`). */
  retryAfterMs?: number
}

/** An expected failure. `message` says what is wrong and what to do. */
export class AgentError extends Error {
  readonly code: AgentErrorCode
  readonly serverCode: string | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: AgentErrorCode, message: string, options: AgentErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AgentError'
    this.code = code
    this.serverCode = options.serverCode
    this.retryAfterMs = options.retryAfterMs
  }

  get exitCode(): number {
    return AGENT_ERRORS[this.code]
  }
}

/** True for failures that only time can cure: the network, or a service that is busy. */
export function isTemporary(error: unknown): boolean {
  return error instanceof AgentError && AGENT_ERRORS[error.code] === EXIT_UNREACHABLE
}

/** The text of any thrown value, for a message of ours; never a stack. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Why a request got no answer: `fetch failed` says nothing, its cause does. */
export function connectionReason(error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'no answer in time'
  const { cause } = error instanceof Error ? error : {}
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code
  return reasonOf(cause ?? error)
}
