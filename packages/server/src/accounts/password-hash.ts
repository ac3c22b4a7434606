/**
 * Hashes passwords with argon2id (RFC 9106) for storage as PHC strings. The pepper, derived from
 * the vault key, is argon2's `secret`, and the user ID its associated data: a hash that somebody
 * writes into the database, or copies from another user's row, fits no password.
 *
 * A hash costs memory and time on purpose, so only so many are computed at once and a bounded
 * number waits: whoever floods the sign-in gets "busy" instead of the server's memory. Browsers
 * that have signed in before wait in a line of their own, which is served first: no flood of
 * strangers keeps them out.
 */

import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { AppError } from '../errors.ts'
import type { Metrics } from '../ops/metrics.ts'
import { derivedKey } from '../vault/derived-key.ts'
import type { Keyring } from '../vault/keyring.ts'
import { normalizePassword } from './password-rules.ts'

const argon2id = promisify(argon2)

interface Parameters {
  /** KiB */
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
}

/**
 * OWASP's least is 19 MiB with two passes. Measured on two cores of 2026: 19 MiB × 2 takes 47 ms,
 * 32 MiB × 3 90 ms, 64 MiB × 3 220 ms. More memory would allow fewer at once.
 */
const CURRENT: Parameters = { memory: 32 * 1024, passes: 3, parallelism: 1 }
/** A stored hash that asks for more was not written by this server. */
const MOST: Parameters = { memory: 256 * 1024, passes: 10, parallelism: 4 }

const SALT_BYTES = 16
const TAG_BYTES = 32
/** Two use 64 MiB; the thread pool of Node has four threads, which files and DNS need too. */
const AT_ONCE = 2
/** In each line; about three seconds of waiting. */
const WAITING_MAX = 64

const PEPPER = 'keydesk password pepper v1'

/** `known`: a browser that has signed in to the account before. */
type WaitingLine = 'known' | 'strangers'

export interface PasswordHasher {
  /** PHC string. `password` as it was typed, by somebody who has proved who he is. */
  hash(userId: string, password: string): Promise<string>
  /**
   * `stored` undefined: there is no such user, or one without a password. It costs the same and is
   * false. Throws AppError TOO_MANY_REQUESTS when too many wait.
   */
  verify(
    userId: string,
    stored: string | undefined,
    password: string,
    line?: WaitingLine,
  ): Promise<boolean>
  /** The hash was made with other parameters than today's. */
  isOutdated(stored: string): boolean
}

export function createPasswordHasher(deps: {
  readonly keyring: Keyring
  readonly metrics: Metrics
}): PasswordHasher {
  const takeTurn = createQueue()

  const compute = async (
    userId: string,
    password: string,
    salt: Uint8Array,
    parameters: Parameters,
    line: WaitingLine,
  ): Promise<Buffer> =>
    await takeTurn(line, async () => {
      deps.metrics.passwordHashes.inc()
      return await argon2id('argon2id', {
        message: normalizePassword(password),
        nonce: salt,
        secret: derivedKey(deps.keyring, PEPPER).export(),
        associatedData: Buffer.from(userId),
        tagLength: TAG_BYTES,
        ...parameters,
      })
    })

  return {
    hash: async (userId, password) => {
      const salt = randomBytes(SALT_BYTES)
      return toPhc(CURRENT, salt, await compute(userId, password, salt, CURRENT, 'known'))
    },
    verify: async (userId, stored, password, line = 'strangers') => {
      const known = stored === undefined ? undefined : fromPhc(stored)
      const salt = known?.salt ?? randomBytes(SALT_BYTES)
      const tag = await compute(userId, password, salt, known?.parameters ?? CURRENT, line)
      return timingSafeEqual(tag, known?.tag ?? randomBytes(TAG_BYTES)) && known !== undefined
    },
    isOutdated: (stored) => {
      const { memory, passes, parallelism } = fromPhc(stored)?.parameters ?? MOST
      return (
        memory !== CURRENT.memory ||
        passes !== CURRENT.passes ||
        parallelism !== CURRENT.parallelism
      )
    },
  }
}

function createQueue(): <T>(line: WaitingLine, work: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: Record<WaitingLine, (() => void)[]> = { known: [], strangers: [] }
  return async (line, work) => {
    if (running >= AT_ONCE) {
      if (waiting[line].length >= WAITING_MAX) {
        throw new AppError('TOO_MANY_REQUESTS', 'Many people sign in right now. Try again.', {
          retryAfterSeconds: 5,
        })
      }
      // Whoever finishes hands over its turn, so `running` stays.
      await new Promise<void>((resolve) => {
        waiting[line].push(resolve)
      })
    } else {
      running += 1
    }
    try {
      return await work()
    } finally {
      const next = waiting.known.shift() ?? waiting.strangers.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}

function toPhc({ memory, passes, parallelism }: Parameters, salt: Buffer, tag: Buffer): string {
  const parameters = `m=${memory},t=${passes},p=${parallelism}`
  return `$argon2id$v=19$${parameters}$${unpadded(salt)}$${unpadded(tag)}`
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}

const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([\w+/]{22})\$([\w+/]{43})$/

/** Undefined: not a hash that this server could have written. */
function fromPhc(text: string) {
  const parts = PHC.exec(text)
  if (parts === null) return undefined
  const [, memory, passes, parallelism, salt = '', tag = ''] = parts
  const parameters = {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
  }
  const isTooMuch =
    parameters.memory > MOST.memory ||
    parameters.passes > MOST.passes ||
    parameters.parallelism > MOST.parallelism
  if (isTooMuch) return undefined
  return { parameters, salt: Buffer.from(salt, 'base64'), tag: Buffer.from(tag, 'base64') }
}
