/**
 * What has to be known of a PostgreSQL before it is used: above all of one that somebody else runs
 * (`DATABASE_URL`).
 */

import { Client } from 'pg'
import { StartError } from '../errors.ts'

export interface DatabaseReport {
  /** Whether a Keydesk server has worked in it before. */
  readonly isKeydesk: boolean
  /** Sentences about settings under which a commit can be lost. */
  readonly warnings: readonly string[]
}

/** The oldest major version that the project of PostgreSQL maintains and our SQL was tried on. */
const SERVER_VERSION_MIN = 150_000
const CONNECT_TIMEOUT_MS = 10_000

/** Each of them off means that a receipt can be given for a key that a power cut takes away. */
const DURABILITY = ['fsync', 'full_page_writes', 'synchronous_commit'] as const

/** @throws StartError when it cannot be reached, is too old, or holds something else. */
export async function inspectDatabase(url: string): Promise<DatabaseReport> {
  const client = new Client({
    connectionString: url,
    application_name: 'keydesk-server',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const settings = await client.query<{ name: string; setting: string }>(
      'select name, setting from pg_settings where name = any ($1)',
      [['server_version', 'server_version_num', ...DURABILITY]],
    )
    const setting = new Map(settings.rows.map((row) => [row.name, row.setting]))
    if (Number(setting.get('server_version_num')) < SERVER_VERSION_MIN) {
      throw new StartError(
        `PostgreSQL ${setting.get('server_version')} is too old; Keydesk needs 15 or newer.`,
      )
    }
    return {
      isKeydesk: await isKeydeskDatabase(client),
      warnings: DURABILITY.filter((name) => setting.get(name) === 'off').map(
        (name) =>
          `PostgreSQL runs with ${name} = off: a recovery password that was acknowledged can be ` +
          'lost. Set it to on.',
      ),
    }
  } catch (error) {
    if (error instanceof StartError) throw error
    throw new StartError(`The database cannot be used: ${reasonOf(error)}. Check DATABASE_URL.`, {
      cause: error,
    })
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function isKeydeskDatabase(client: Client): Promise<boolean> {
  const tables = await client.query<{ name: string }>(
    `select c.relname as name
       from pg_class c
      where c.relnamespace = (select oid from pg_namespace where nspname = current_schema())
        and c.relkind in ('r', 'p')`,
  )
  const names = tables.rows.map((row) => row.name)
  if (names.length === 0) return false
  if (!names.includes('schema_migration')) {
    throw new StartError(
      `The database has tables, but none of Keydesk (such as "${names[0]}"). ` +
        'Give Keydesk an empty database of its own.',
    )
  }
  const deployment = names.includes('deployment')
    ? await client.query('select 1 from deployment')
    : undefined
  return (deployment?.rowCount ?? 0) > 0
}

/** Texts of PostgreSQL's connection errors name user, host and database, never the password. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return [error.message, code].filter((part) => part !== undefined && part !== '').join(', ')
}
