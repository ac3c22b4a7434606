/**
 * Brings a database to the schema of this server.
 *
 * Migrations are files `NNNN_name.sql`, numbered from 0001 without gaps and up only. Each runs in a
 * transaction of its own together with the row that records it and its SHA-256, so a crash leaves
 * either all of it or nothing. One server migrates at a time, under an advisory lock. A server
 * refuses a database that it does not understand: a released migration that was changed, or a
 * database that is newer than the server.
 */

import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { StartError } from '../errors.ts'

export interface Migration {
  /** From 1, without gaps. */
  readonly version: number
  /** `0001_init.sql` */
  readonly file: string
  readonly sql: string
  /** SHA-256 of the file, hexadecimal. */
  readonly checksum: string
}

/** Advisory lock, by convention of this program: "KDmigr" as bytes. */
const MIGRATION_LOCK = '82757265483634'
/** Another server may be migrating a large table. */
const MIGRATION_LOCK_TIMEOUT_MS = 10 * 60 * 1000

const MIGRATIONS_DIR = join(import.meta.dirname, 'migrations')
const MIGRATION_FILE = /^(\d{4})_[a-z0-9_]+\.sql$/

/** @throws StartError when the files are not numbered 0001, 0002, … */
export function readMigrations(directory: string = MIGRATIONS_DIR): readonly Migration[] {
  const files = readdirSync(directory).filter((name) => name.endsWith('.sql'))
  return files.sort().map((file, index) => {
    const version = index + 1
    if (Number(MIGRATION_FILE.exec(file)?.[1]) !== version) {
      const expected = String(version).padStart(4, '0')
      throw new StartError(
        `The migration ${file} is out of order: ${expected}_name.sql was expected. ` +
          'The installation is damaged; install this version again.',
      )
    }
    const sql = readFileSync(join(directory, file), 'utf8')
    return { version, file, sql, checksum: createHash('sha256').update(sql).digest('hex') }
  })
}

/**
 * Applies what is missing and returns the files that it applied. Safe to call from several servers
 * at once.
 *
 * @throws StartError when the database and these migrations do not fit together.
 */
export async function migrate(
  url: string,
  migrations: readonly Migration[] = readMigrations(),
): Promise<readonly string[]> {
  const client = new Client({ connectionString: url, application_name: 'keydesk-migrate' })
  // A broken session fails the statement that waits for it, or the next one.
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query(`set lock_timeout = ${MIGRATION_LOCK_TIMEOUT_MS}`)
    await client.query('select pg_advisory_lock($1::bigint)', [MIGRATION_LOCK])
    const pending = await pendingMigrations(client, migrations)
    for (const migration of pending) await applyMigration(client, migration)
    return pending.map((migration) => migration.file)
  } finally {
    // Ends the session, and with it the lock.
    await client.end()
  }
}

async function pendingMigrations(
  client: Client,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  await client.query(`
    create table if not exists schema_migration (
      version integer primary key,
      file text not null,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`)
  const applied = await client.query<{ version: number; file: string; checksum: string }>(
    'select version, file, checksum from schema_migration order by version',
  )
  for (const [index, row] of applied.rows.entries()) {
    const known = migrations[index]
    if (row.version !== index + 1) {
      throw new StartError(
        `The database lacks migration ${index + 1} but has ${row.version} (${row.file}). ` +
          'Somebody changed its table schema_migration; restore the database from a backup.',
      )
    }
    if (known === undefined) {
      throw new StartError(
        `The database is newer than this server: it has migration ${row.file}, and this server ` +
          `knows ${migrations.length}. Start the newer version of Keydesk.`,
      )
    }
    if (known.checksum !== row.checksum) {
      throw new StartError(
        `The migration ${known.file} is not the one that this database was made with. A released ` +
          'migration never changes; install the released version of Keydesk again.',
      )
    }
  }
  return migrations.slice(applied.rows.length)
}

async function applyMigration(client: Client, migration: Migration): Promise<void> {
  try {
    await client.query('begin')
    await client.query(migration.sql)
    await client.query(
      'insert into schema_migration (version, file, checksum) values ($1, $2, $3)',
      [migration.version, migration.file, migration.checksum],
    )
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    const reason = error instanceof Error ? error.message : 'unknown'
    throw new StartError(
      `The migration ${migration.file} failed, and nothing of it was kept: ${reason}`,
      { cause: error },
    )
  }
}
