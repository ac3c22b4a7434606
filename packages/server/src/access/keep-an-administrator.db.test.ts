/** There is always an administrator, whoever removes whom, and however many do so at once. */

import { randomUUID } from 'node:crypto'
import { GLOBAL_ADMINISTRATOR } from '@keydesk/contract'
import type { Insertable, Transaction } from 'kysely'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../../test/support/test-database.ts'
import type { Database, RoleAssignmentTable } from '../db/schema.ts'
import { insertTestGroup, insertTestUser } from '../testing/test-people.ts'
import { keepAnAdministrator } from './keep-an-administrator.ts'

const NOW = new Date('2026-11-22T12:00:00Z')
const PRIVILEGED_ROLE_ADMINISTRATOR = 'e8611ab8-c189-46e8-94e1-60213ab1f814'
const GIVE_ROLES = 'microsoft.directory/roleAssignments/allProperties/allTasks'

let database: TestDatabase
beforeEach(async () => {
  await database?.[Symbol.asyncDispose]()
  database = await createTestDatabase()
})
afterAll(async () => database[Symbol.asyncDispose]())

async function assign(
  principalId: string,
  more: Partial<Insertable<RoleAssignmentTable>> = {},
): Promise<string> {
  const id = randomUUID()
  await database.db
    .insertInto('role_assignment')
    .values({
      id,
      principal_id: principalId,
      role_id: GLOBAL_ADMINISTRATOR,
      scope_type: 'directory',
      created_at: NOW,
      ...more,
    })
    .execute()
  return id
}

async function change(what: (trx: Transaction<Database>) => Promise<unknown>): Promise<void> {
  await database.db
    .transaction()
    .execute(async (trx) => keepAnAdministrator(trx, NOW, async () => void (await what(trx))))
}

async function disable(userId: string): Promise<void> {
  await change((trx) =>
    trx.updateTable('directory_user').set({ is_active: false }).where('id', '=', userId).execute(),
  )
}

async function unassign(id: string): Promise<void> {
  await change((trx) => trx.deleteFrom('role_assignment').where('id', '=', id).execute())
}

const refusal = {
  code: 'LAST_ADMINISTRATOR',
  message: expect.stringContaining('Make another user Global Administrator') as string,
}

describe('the last administrator', () => {
  test('cannot be disabled, deleted or lose the role', async () => {
    const alice = await insertTestUser(database.db)
    const assignment = await assign(alice)
    await expect(disable(alice)).rejects.toMatchObject(refusal)
    await expect(unassign(assignment)).rejects.toMatchObject(refusal)
    const gone = change((trx) =>
      trx
        .updateTable('directory_user')
        .set({ is_active: false, deleted_at: NOW })
        .where('id', '=', alice)
        .execute(),
    )
    await expect(gone).rejects.toMatchObject(refusal)
    const row = await database.db.selectFrom('directory_user').selectAll().executeTakeFirstOrThrow()
    expect(row.is_active).toBe(true)
  })

  test('can go once there is another one', async () => {
    const [alice, bob] = [await insertTestUser(database.db), await insertTestUser(database.db)]
    await assign(alice)
    await assign(bob)
    await disable(alice)
    await expect(disable(bob)).rejects.toMatchObject(refusal)
  })

  test.each<[string, Partial<Insertable<RoleAssignmentTable>>]>([
    ['until tomorrow', { expires_at: new Date('2026-11-23T12:00:00Z') }],
    ['of another role', { role_id: PRIVILEGED_ROLE_ADMINISTRATOR }],
    ['by a deny', { effect: 'deny' }],
  ])('is not replaced by somebody who has an assignment %s', async (_, more) => {
    const [alice, bob] = [await insertTestUser(database.db), await insertTestUser(database.db)]
    await assign(alice)
    await assign(bob, more)
    await expect(disable(alice)).rejects.toMatchObject(refusal)
  })

  test('is not replaced by an app or by somebody who is disabled', async () => {
    const alice = await insertTestUser(database.db)
    await assign(alice)
    await assign(await insertTestUser(database.db, { is_active: false }))
    const app = randomUUID()
    const { db } = database
    await db.insertInto('principal').values({ id: app, type: 'app', created_at: NOW }).execute()
    await db
      .insertInto('app')
      .values({ id: app, display_name: 'script', created_at: NOW, updated_at: NOW })
      .execute()
    await assign(app)
    await expect(disable(alice)).rejects.toMatchObject(refusal)
  })

  test('cannot be denied giving roles, by whatever role says so, directly or by a group', async () => {
    const alice = await insertTestUser(database.db)
    await assign(alice)
    const group = await insertTestGroup(database.db, [{ id: alice }])
    const custom = randomUUID()
    await database.db
      .insertInto('role_definition')
      .values({
        id: custom,
        display_name: 'No roles',
        permissions: [GIVE_ROLES],
        created_at: NOW,
        updated_at: NOW,
      })
      .execute()
    const deny = (principalId: string, roleId: string, more = {}): Promise<void> =>
      change((trx) =>
        trx
          .insertInto('role_assignment')
          .values({
            id: randomUUID(),
            principal_id: principalId,
            role_id: roleId,
            effect: 'deny',
            scope_type: 'directory',
            created_at: NOW,
            ...more,
          })
          .execute(),
      )
    await expect(deny(alice, GLOBAL_ADMINISTRATOR)).rejects.toMatchObject(refusal)
    await expect(deny(alice, PRIVILEGED_ROLE_ADMINISTRATOR)).rejects.toMatchObject(refusal)
    await expect(deny(group, custom)).rejects.toMatchObject(refusal)
    // A deny that is over, and one of a role that does not give roles, take nothing that matters.
    await deny(alice, GLOBAL_ADMINISTRATOR, { expires_at: NOW })
    await deny(alice, '4a5d8f65-41da-4de4-8968-e035b65339cf')
  })

  test('by a group is the last one too, and one by the issuer’s word does not last', async () => {
    const [alice, bob] = [await insertTestUser(database.db), await insertTestUser(database.db)]
    const group = await insertTestGroup(database.db, [
      { id: alice },
      { id: bob, source: 'claim' as const },
    ])
    await assign(group)
    await expect(disable(alice)).rejects.toMatchObject(refusal)
    await expect(
      change((trx) => trx.deleteFrom('group_member').where('user_id', '=', alice).execute()),
    ).rejects.toMatchObject(refusal)
    await expect(
      change((trx) =>
        trx
          .updateTable('directory_group')
          .set({ deleted_at: NOW })
          .where('id', '=', group)
          .execute(),
      ),
    ).rejects.toMatchObject(refusal)
    await disable(bob)
  })
})

test('a deployment without an administrator can still be changed', async () => {
  const alice = await insertTestUser(database.db)
  await disable(alice)
  const row = await database.db.selectFrom('directory_user').selectAll().executeTakeFirstOrThrow()
  expect(row.is_active).toBe(false)
})

test('two administrators who remove each other at the same moment never leave none', async () => {
  const ways = [
    async (id: string) => disable(id),
    async (id: string) =>
      change((trx) => trx.deleteFrom('role_assignment').where('principal_id', '=', id).execute()),
  ]
  for (let round = 0; round < 60; round++) {
    const [alice, bob] = [await insertTestUser(database.db), await insertTestUser(database.db)]
    await assign(alice)
    await assign(bob)
    // Those of the rounds before.
    await database.db
      .deleteFrom('role_assignment')
      .where('principal_id', 'not in', [alice, bob])
      .execute()
    const remove = (way: number, id: string): Promise<void> => ways[way % 2]!(id)
    const outcomes = await Promise.allSettled([remove(round, alice), remove(round >> 1, bob)])
    const refused = outcomes.flatMap((one) =>
      one.status === 'rejected' ? [one.reason as unknown] : [],
    )
    expect(refused).toHaveLength(1)
    expect(refused[0]).toMatchObject(refusal)
  }
})
