/** Users and groups for tests that are not about how they come to be: rows, put in directly. */

import { randomUUID } from 'node:crypto'
import type { Insertable, Kysely } from 'kysely'
import type { Database, DirectoryUserTable } from '../db/schema.ts'

const CREATED_AT = new Date('2026-01-01T00:00:00Z')

/** Returns the ID. */
export async function insertTestUser(
  db: Kysely<Database>,
  more: Partial<Insertable<DirectoryUserTable>> = {},
): Promise<string> {
  const id = more.id ?? randomUUID()
  const name = `user-${id.slice(0, 8)}`
  await db.insertInto('principal').values({ id, type: 'user', created_at: CREATED_AT }).execute()
  await db
    .insertInto('directory_user')
    .values({
      id,
      user_principal_name: `${name}@keydesk.example`,
      display_name: name,
      source: 'local',
      created_at: CREATED_AT,
      updated_at: CREATED_AT,
      ...more,
    })
    .execute()
  return id
}

/** Returns the ID. */
export async function insertTestGroup(
  db: Kysely<Database>,
  members: readonly { readonly id: string; readonly source?: 'assigned' | 'claim' }[],
): Promise<string> {
  const id = randomUUID()
  await db.insertInto('principal').values({ id, type: 'group', created_at: CREATED_AT }).execute()
  await db
    .insertInto('directory_group')
    .values({
      id,
      display_name: `group-${id.slice(0, 8)}`,
      source: 'local',
      created_at: CREATED_AT,
      updated_at: CREATED_AT,
    })
    .execute()
  for (const { id: userId, source = 'assigned' } of members) {
    await db
      .insertInto('group_member')
      .values({ group_id: id, user_id: userId, source, added_at: CREATED_AT })
      .execute()
  }
  return id
}
