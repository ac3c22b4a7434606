/**
 * A database of its own for a test file: a clone of the migrated template, some 50 ms each. All of
 * them go with the throwaway cluster at the end of the run.
 */

import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import { Client } from 'pg'
import { inject } from 'vitest'
import { openDatabase } from '../../packages/server/src/db/open-database.ts'
import type { Database } from '../../packages/server/src/db/schema.ts'

export interface TestDatabase extends AsyncDisposable {
  /** As the role that the server has: not a superuser. */
  readonly url: string
  readonly db: Kysely<Database>
}

/** Empty but for what the migrations put in. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const url = await createDatabase(inject('templateDatabase'))
  const db = openDatabase({
    url,
    poolMax: 10,
    onSessionError: (error) => {
      throw error
    },
  })
  return { url, db, [Symbol.asyncDispose]: () => db.destroy() }
}

/** The URL of a new database without anything of ours in it. */
export async function createEmptyDatabase(): Promise<string> {
  return await createDatabase('template1')
}

async function createDatabase(template: string): Promise<string> {
  const superuserUrl = inject('superuserUrl')
  const name = `test_${randomBytes(8).toString('hex')}`
  const client = new Client({ connectionString: superuserUrl })
  await client.connect()
  try {
    await client.query(`create database ${name} template ${template} owner keydesk`)
  } finally {
    await client.end()
  }
  const url = new URL(superuserUrl)
  url.username = 'keydesk'
  url.pathname = `/${name}`
  return url.href
}
