/**
 * The pool of connections to PostgreSQL, typed by the generated schema.
 *
 * Every session has the same bounds, so a lost client or a slow statement cannot hold a row for
 * ever. Errors of sessions are reported, never thrown: the pool opens new ones by itself.
 */

import { Kysely, PostgresDialect } from 'kysely'
import { Pool, TypeOverrides } from 'pg'
import { PreparedClient } from './prepared-client.ts'
import type { Database } from './schema.ts'

export interface OpenDatabaseOptions {
  readonly url: string
  readonly poolMax: number
  /** A session broke, for example because PostgreSQL was restarted. The pool opens new ones. */
  readonly onSessionError: (error: Error) => void
}

/** Bounds of one session, in milliseconds. A business transaction takes a few of them. */
const CONNECT_TIMEOUT_MS = 5000
const STATEMENT_TIMEOUT_MS = 30_000
const LOCK_TIMEOUT_MS = 10_000
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000

const INT8_OID = 20

/** Does not connect yet; the first query does. Closed by `db.destroy()`. */
export function openDatabase(options: OpenDatabaseOptions): Kysely<Database> {
  const pool = new Pool({
    Client: PreparedClient,
    connectionString: options.url,
    max: options.poolMax,
    application_name: 'keydesk-server',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    types: columnParsers(),
  })
  // A session may break while a transaction holds it and no statement runs: without a listener that
  // would end the process. The transaction's next statement fails, which is answered as usual.
  pool.on('connect', (client) => client.on('error', options.onSessionError))
  // The same error again, for idle sessions only.
  pool.on('error', () => undefined)
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
}

/** bigint arrives as a number; what does not fit exactly is an error, never a rounded value. */
function columnParsers(): TypeOverrides {
  const parsers = new TypeOverrides()
  parsers.setTypeParser(INT8_OID, (text: string) => {
    const value = Number(text)
    if (!Number.isSafeInteger(value)) throw new RangeError('a bigint column is out of range')
    return value
  })
  return parsers
}
