import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../../../test/support/test-database.ts'
import { openDatabase } from './open-database.ts'

test('a session that breaks between statements fails its transaction only', async () => {
  await using database = await createTestDatabase()
  const errors: Error[] = []
  const db = openDatabase({
    url: database.url,
    poolMax: 2,
    onSessionError: (error) => errors.push(error),
  })
  const broken = db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx)
    await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(database.db)
    // Between two statements nobody waits for the session.
    await expect.poll(() => errors.length).toBeGreaterThan(0)
    await sql`select 1`.execute(trx)
  })
  await expect(broken).rejects.toThrow(/Client has encountered a connection error/)
  expect((await sql<{ one: number }>`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }])
  await db.destroy()
})

test('a bigint is a number, and one that is too large is an error', async () => {
  await using database = await createTestDatabase()
  const { rows } = await sql<{ n: unknown }>`select 9007199254740991::bigint as n`.execute(
    database.db,
  )
  expect(rows).toEqual([{ n: Number.MAX_SAFE_INTEGER }])
  await expect(sql`select 9007199254740993::bigint as n`.execute(database.db)).rejects.toThrow(
    'a bigint column is out of range',
  )
})
