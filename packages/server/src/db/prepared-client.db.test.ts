/** Goal: statements are prepared from the second time on, and nothing else changes. */

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDeps, type TestDeps } from '../../../../test/support/test-deps.ts'

let deps: TestDeps
beforeAll(async () => {
  deps = await createTestDeps()
})
afterAll(async () => deps[Symbol.asyncDispose]())

const double = (value: number, tag: string) =>
  sql<{ result: number }>`select ${value}::int * 2 as result /* ${sql.raw(tag)} */`

/** What the session that answers has prepared. */
async function prepared(tag: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from pg_prepared_statements
     where statement like '%/* ' || ${tag} || ' */'`.execute(deps.db)
  return rows[0]!.count
}

test('a statement is prepared when it comes again, and answers the same', async () => {
  // One after the other, so one session answers them all.
  expect((await double(1, 'again').execute(deps.db)).rows).toEqual([{ result: 2 }])
  expect(await prepared('again')).toBe(0)
  for (let value = 2; value < 10; value += 1) {
    expect((await double(value, 'again').execute(deps.db)).rows).toEqual([{ result: value * 2 }])
  }
  expect(await prepared('again')).toBe(1)
})

test('a prepared statement that fails can be used again', async () => {
  const divide = (by: number) => sql<{ result: number }>`select 10 / ${by}::int as result`
  await divide(1).execute(deps.db)
  await divide(2).execute(deps.db)
  await expect(divide(0).execute(deps.db)).rejects.toThrow('division by zero')
  expect((await divide(5).execute(deps.db)).rows).toEqual([{ result: 2 }])
})

test('texts that are put together from data do not pile up', async () => {
  for (let index = 0; index < 300; index += 1) {
    const tag = `made up ${index}`
    await double(1, tag).execute(deps.db)
    await double(1, tag).execute(deps.db)
  }
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from pg_prepared_statements`.execute(deps.db)
  expect(rows[0]!.count).toBeLessThanOrEqual(200)
  expect((await double(4, 'one more').execute(deps.db)).rows).toEqual([{ result: 8 }])
})
