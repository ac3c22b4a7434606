/** One index serves a whole name and the beginning of one. */

import { sql, type RawBuilder } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../../test/support/test-database.ts'
import { startsWith } from './starts-with.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  const { db } = database
  await sql`insert into principal (id, type, created_at)
    select gen_random_uuid(), kind, now()
      from generate_series(1, 5000), unnest(array['user', 'group']) kind`.execute(db)
  await sql`insert into directory_user
           (id, user_principal_name, display_name, mail, source, created_at, updated_at)
    select id, id || '@keydesk.example', 'x', id || '@keydesk.example', 'local', now(), now()
      from principal where type = 'user'`.execute(db)
  await sql`insert into directory_group (id, display_name, source, created_at, updated_at)
    select id, 'g' || id, 'local', now(), now() from principal where type = 'group'`.execute(db)
  await sql`analyze directory_user, directory_group`.execute(db)
})
afterAll(async () => database[Symbol.asyncDispose]())

/** As the queries of the slices write it. */
const isName = (column: string): RawBuilder<boolean> =>
  sql<boolean>`lower(${sql.ref(column)}) collate "C" = ${'a'}`

test.each([
  ['directory_user', 'user_principal_name', 'directory_user_by_name'],
  ['directory_user', 'mail', 'directory_user_by_mail'],
  ['directory_group', 'display_name', 'directory_group_by_name'],
] as const)('%s.%s is found by the index', async (table, column, index) => {
  const conditions = [isName(column), startsWith(sql.ref(column), 'a1b2')]
  for (const condition of conditions) {
    const { rows } = await sql<{ 'QUERY PLAN': string }>`
      explain select id from ${sql.table(table)}
       where deleted_at is null and ${condition}`.execute(database.db)
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    // As the bounds of the search, not as one filter more while reading all of an index.
    expect(plan).toMatch(new RegExp(`Scan (using|on) ${index}\\b[^]*Index Cond: .*lower\\(`))
  }
})
