/**
 * The advisory lock that says which server a cluster belongs to.
 *
 * PostgreSQL drops it the moment its holder dies, however it dies. So a running PostgreSQL whose
 * lock is free is an orphan of a killed server, and one whose lock is held belongs to a living one.
 * Who holds the lock owns the cluster, no matter which server started the process.
 */

import { Client, type QueryResultRow } from 'pg'

/** "KDowner" as bytes: by convention of this program, in the database `postgres`. */
const OWNER_LOCK = '21185868789081458'
const APPLICATION_PREFIX = 'keydesk-server pid '
const CONNECT_TIMEOUT_MS = 2000
/** SQLSTATE 28P01. */
const INVALID_PASSWORD = '28P01'

export type LockAttempt =
  | { readonly outcome: 'held'; readonly lock: ServerLock }
  /** `pid` is the owner's process ID, if it could be told. */
  | { readonly outcome: 'owned-by-other'; readonly pid: string | undefined }
  /** No answer, or an answer that says that it is starting or stopping. */
  | { readonly outcome: 'no-answer' }
  | { readonly outcome: 'password-refused' }

export class ServerLock {
  readonly #client: Client
  #released = false

  constructor(client: Client, onLost: () => void) {
    this.#client = client
    client.on('end', () => {
      if (!this.#released) onLost()
    })
  }

  async query<Row extends QueryResultRow>(text: string): Promise<readonly Row[]> {
    return (await this.#client.query<Row>(text)).rows
  }

  /** Ends the session. Does not throw: the session may be gone already. */
  async release(): Promise<void> {
    this.#released = true
    await this.#client.end().catch(() => undefined)
  }
}

/** One attempt, without waiting. `onLost` is called when a lock that was held breaks later. */
export async function tryServerLock(url: string, onLost: () => void): Promise<LockAttempt> {
  const client = new Client({
    connectionString: url,
    application_name: `${APPLICATION_PREFIX}${process.pid}`,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  })
  // A broken session is reported by `end`; without a listener the error would end the process.
  client.on('error', () => undefined)
  try {
    await client.connect()
    const attempt = await client.query<{ locked: boolean }>(
      'select pg_try_advisory_lock($1::bigint) as locked',
      [OWNER_LOCK],
    )
    if (attempt.rows[0]?.locked === true) {
      return { outcome: 'held', lock: new ServerLock(client, onLost) }
    }
    const pid = await ownerPid(client)
    await client.end()
    return { outcome: 'owned-by-other', pid }
  } catch (error) {
    await client.end().catch(() => undefined)
    if (isSessionBroken(error)) return { outcome: 'no-answer' }
    if ((error as { code?: unknown }).code === INVALID_PASSWORD) {
      return { outcome: 'password-refused' }
    }
    throw error
  }
}

async function ownerPid(client: Client): Promise<string | undefined> {
  const owners = await client.query<{ name: string }>(
    `select a.application_name as name
       from pg_locks l join pg_stat_activity a on a.pid = l.pid
      where l.locktype = 'advisory' and l.granted
        and (l.classid::bigint << 32 | l.objid::bigint) = $1::bigint`,
    [OWNER_LOCK],
  )
  const name = owners.rows[0]?.name
  return name?.startsWith(APPLICATION_PREFIX) ? name.slice(APPLICATION_PREFIX.length) : undefined
}

/**
 * Class 57P: starting, stopping or crashed. 53300: too many sessions. The rest are socket errors.
 */
export function isSessionBroken(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (/^(57P0\d|53300|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT)$/.test(code)) return true
  return /^(Connection terminated|Client has encountered|timeout expired)/.test(error.message)
}
