import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterEach, describe, expect, test } from 'vitest'
import { createEmptyDatabase } from '../../../../test/support/test-database.ts'
import { StartError } from '../errors.ts'
import { migrate, readMigrations, type Migration } from './migrate.ts'

const directories: string[] = []

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true })
})

/** Migrations from texts: the first is 0001_step.sql, and so on. */
function migrationsOf(...texts: readonly string[]): readonly Migration[] {
  const directory = mkdtempSync(join(tmpdir(), 'keydesk-migrations-'))
  directories.push(directory)
  for (const [index, text] of texts.entries()) {
    writeFileSync(join(directory, `${String(index + 1).padStart(4, '0')}_step.sql`), text)
  }
  return readMigrations(directory)
}

async function query(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

async function failure(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(StartError)
  return (error as StartError).message
}

const FIRST = 'create table one (id integer);'
const SECOND = 'create table two (id integer); insert into one values (1);'

describe('migrate', () => {
  test('applies what is missing, in order, and nothing twice', async () => {
    const url = await createEmptyDatabase()
    expect(await migrate(url, migrationsOf(FIRST))).toEqual(['0001_step.sql'])
    expect(await migrate(url, migrationsOf(FIRST, SECOND))).toEqual(['0002_step.sql'])
    expect(await migrate(url, migrationsOf(FIRST, SECOND))).toEqual([])
    expect(await query(url, 'select id from one')).toEqual([{ id: 1 }])
  })

  test('called by several servers at once applies each migration once', async () => {
    const url = await createEmptyDatabase()
    const migrations = migrationsOf(FIRST, `select pg_sleep(0.2); ${SECOND}`)
    const applied = await Promise.all(Array.from({ length: 5 }, () => migrate(url, migrations)))
    expect(applied.flat().toSorted()).toEqual(['0001_step.sql', '0002_step.sql'])
    expect(await query(url, 'select id from one')).toEqual([{ id: 1 }])
  })

  test('keeps nothing of a migration that fails, and all before it', async () => {
    const url = await createEmptyDatabase()
    const broken = migrationsOf(FIRST, `${SECOND} select no_such_function();`)
    expect(await failure(migrate(url, broken))).toMatch(
      /^The migration 0002_step\.sql failed, and nothing of it was kept: .*no_such_function/,
    )
    expect(await query(url, "select to_regclass('two')::text as two")).toEqual([{ two: null }])
    expect(await migrate(url, migrationsOf(FIRST, SECOND))).toEqual(['0002_step.sql'])
  })

  test('refuses a released migration that was changed', async () => {
    const url = await createEmptyDatabase()
    await migrate(url, migrationsOf(FIRST))
    expect(await failure(migrate(url, migrationsOf(`${FIRST} -- edited`)))).toContain(
      'The migration 0001_step.sql is not the one that this database was made with.',
    )
  })

  test('refuses a database that is newer than the server', async () => {
    const url = await createEmptyDatabase()
    await migrate(url, migrationsOf(FIRST, SECOND))
    expect(await failure(migrate(url, migrationsOf(FIRST)))).toContain(
      'The database is newer than this server: it has migration 0002_step.sql, and this server ' +
        'knows 1.',
    )
  })

  test('refuses a database whose record has a gap', async () => {
    const url = await createEmptyDatabase()
    await migrate(url, migrationsOf(FIRST, SECOND))
    await query(url, 'delete from schema_migration where version = 1')
    expect(await failure(migrate(url, migrationsOf(FIRST, SECOND)))).toContain(
      'The database lacks migration 1 but has 2 (0002_step.sql).',
    )
  })

  test('gives up its lock when it fails, so the next server need not wait', async () => {
    const url = await createEmptyDatabase()
    await failure(migrate(url, migrationsOf('select no_such_function();')))
    expect(await migrate(url, migrationsOf(FIRST))).toEqual(['0001_step.sql'])
  })
})

describe('readMigrations', () => {
  test('refuses a gap in the numbers', () => {
    const directory = mkdtempSync(join(tmpdir(), 'keydesk-migrations-'))
    directories.push(directory)
    writeFileSync(join(directory, '0001_one.sql'), FIRST)
    writeFileSync(join(directory, '0003_three.sql'), SECOND)
    expect(() => readMigrations(directory)).toThrow(
      'The migration 0003_three.sql is out of order: 0002_name.sql was expected.',
    )
  })

  test('reads the migrations of this server', () => {
    expect(readMigrations()[0]?.file).toBe('0001_init.sql')
  })
})
