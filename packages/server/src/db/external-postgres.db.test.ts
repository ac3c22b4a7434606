import { Client } from 'pg'
import { expect, test } from 'vitest'
import { createEmptyDatabase, createTestDatabase } from '../../../../test/support/test-database.ts'
import { inspectDatabase } from './external-postgres.ts'

test('an empty database is not Keydesk, nor is a migrated one without its deployment', async () => {
  expect((await inspectDatabase(await createEmptyDatabase())).isKeydesk).toBe(false)
  await using database = await createTestDatabase()
  expect((await inspectDatabase(database.url)).isKeydesk).toBe(false)
})

test('a database with a deployment is Keydesk', async () => {
  await using database = await createTestDatabase()
  await database.db
    .insertInto('deployment')
    .values({
      id: '7b1d6f0e-5c3a-4b8e-9d2f-1a6c4e8b0d35',
      vault_key_id: 'vault',
      receipt_key_id: 'receipt',
    })
    .execute()
  expect((await inspectDatabase(database.url)).isKeydesk).toBe(true)
})

test('settings under which a receipt can be lost are warned of', async () => {
  // The throwaway cluster of the tests runs with all three off.
  const { warnings } = await inspectDatabase(await createEmptyDatabase())
  expect(warnings).toHaveLength(3)
  expect(warnings[0]).toMatch(/^PostgreSQL runs with \w+ = off: /)
})

test("another program's database is refused", async () => {
  const url = await createEmptyDatabase()
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query('create table payroll (id integer)')
  await client.end()
  await expect(inspectDatabase(url)).rejects.toThrow(
    'The database has tables, but none of Keydesk (such as "payroll").',
  )
})
