/** Groups of people: their members, and that they are no way to roles that one may not give. */

import { randomUUID } from 'node:crypto'
import { GLOBAL_ADMINISTRATOR, type Group, type UserPage } from '@keydesk/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DirectoryTest } from '../testing/directory-test.ts'
import { insertTestUser } from '../testing/test-people.ts'

const GROUPS = '/api/v1/groups'
const MANAGE = 'microsoft.directory/groups/manage'
const SEE = 'microsoft.directory/groups/standard/read'
const GLOBAL_READER = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451'

let directory: DirectoryTest
beforeAll(async () => {
  directory = await DirectoryTest.start()
})
afterAll(async () => directory[Symbol.asyncDispose]())

const person = async (own = directory): Promise<string> => await insertTestUser(own.service.deps.db)
const add = async (more: object = {}): Promise<Group> => {
  const body = { displayName: `group-${randomUUID()}`, ...more }
  const response = await directory.admin('POST', GROUPS, body)
  expect(response.statusCode).toBe(201)
  return response.json<Group>()
}

describe('a group that holds roles', () => {
  test('is filled, renamed and deleted only by whoever may give roles', async () => {
    const group = await add()
    await directory.assign(group.id, GLOBAL_READER)
    const caller = await directory.caller([MANAGE, SEE])
    const url = `${GROUPS}/${group.id}`
    for (const response of [
      await caller('POST', `${url}/members`, { add: [caller.userId] }),
      await caller('POST', `${url}/members`, { remove: [await person()] }),
      await caller('PATCH', url, { displayName: 'mine' }),
      await caller('DELETE', url),
    ]) {
      expect(response.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
    }
    expect((await caller('GET', `${url}/members`)).json()).toEqual({ items: [] })
  })

  test('stays so when its assignment has expired, which could be extended, until it is removed', async () => {
    const group = await add()
    const past = new Date(directory.service.deps.clock.now().getTime() - 1000)
    await directory.assign(group.id, GLOBAL_READER, { type: 'directory' }, past)
    const caller = await directory.caller([MANAGE])
    const url = `${GROUPS}/${group.id}/members`
    const join = async () => await caller('POST', url, { add: [caller.userId] })
    expect((await join()).json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
    const { db } = directory.service.deps
    await db.deleteFrom('role_assignment').where('principal_id', '=', group.id).execute()
    expect((await join()).json()).toEqual({ added: 1, removed: 0 })
  })

  test('keeps its last administrator, whichever way he is to go', async () => {
    await using own = await DirectoryTest.start()
    const last = await person(own)
    const groupId = await own.group([last])
    await own.assign(groupId, GLOBAL_ADMINISTRATOR)
    const url = `${GROUPS}/${groupId}`
    for (const response of [
      await own.admin('POST', `${url}/members`, { remove: [last] }),
      await own.admin('DELETE', url),
      await own.admin('DELETE', `/api/v1/users/${last}`),
    ]) {
      expect(response.json()).toMatchObject({ status: 409, code: 'LAST_ADMINISTRATOR' })
    }
    const members = (await own.admin('GET', `${url}/members`)).json<UserPage>()
    expect(members.items.map(({ id }) => id)).toEqual([last])
  })
})

describe('members', () => {
  test('come and go once, each with an entry', async () => {
    const group = await add()
    const [one, two] = [await person(), await person()]
    const url = `${GROUPS}/${group.id}/members`
    const first = await directory.admin('POST', url, { add: [one, two, one] })
    expect(first.json()).toEqual({ added: 2, removed: 0 })
    const second = await directory.admin('POST', url, { add: [one], remove: [one, two, two] })
    expect(second.json()).toEqual({ added: 0, removed: 1 })
    const about = { groupId: group.id }
    expect(await directory.entriesOf('group.addMember', about)).toHaveLength(2)
    expect(await directory.entriesOf('group.removeMember', { ...about, userId: two })).toHaveLength(
      1,
    )
    expect((await directory.admin('GET', `${GROUPS}/${group.id}`)).json()).toMatchObject({
      memberCount: 1,
    })
  })

  test('who do not exist, or too many at once, are refused and nobody is added', async () => {
    const group = await add()
    const url = `${GROUPS}/${group.id}/members`
    const unknown = await directory.admin('POST', url, { add: [await person(), randomUUID()] })
    expect(unknown.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    const many = Array.from({ length: 1001 }, () => randomUUID())
    const tooMany = await directory.admin('POST', url, { add: many })
    expect(tooMany.json()).toMatchObject({ status: 400, code: 'INVALID_REQUEST' })
    expect((await directory.admin('GET', url)).json()).toEqual({ items: [] })
  })

  test('given by a groups claim become assigned when somebody adds them', async () => {
    const { db } = directory.service.deps
    const group = await add()
    const userId = await person()
    await db
      .insertInto('group_member')
      .values({ group_id: group.id, user_id: userId, source: 'claim', added_at: new Date() })
      .execute()
    const url = `${GROUPS}/${group.id}/members`
    const response = await directory.admin('POST', url, { add: [userId] })
    expect(response.json()).toEqual({ added: 0, removed: 0 })
    const row = await db
      .selectFrom('group_member')
      .select('source')
      .where('group_id', '=', group.id)
      .executeTakeFirstOrThrow()
    expect(row.source).toBe('assigned')
  })
})

test('of the issuer is known by its value in the groups claim, which only one group has', async () => {
  const issuerGroup = `claim-${randomUUID()}`
  const group = await add({ issuerGroup })
  expect(group).toMatchObject({ source: 'issuer', externalId: issuerGroup })
  const again = { displayName: `group-${randomUUID()}`, issuerGroup }
  const taken = await directory.admin('POST', GROUPS, again)
  const detail = 'There is another group with this external ID.'
  expect(taken.json()).toMatchObject({ status: 409, code: 'NAME_TAKEN', detail })
})

test('a name is taken in any case of letters, and free after a deletion', async () => {
  const group = await add()
  const again = { displayName: group.displayName.toUpperCase() }
  const taken = await directory.admin('POST', GROUPS, again)
  expect(taken.json()).toMatchObject({ status: 409, code: 'NAME_TAKEN' })
  expect((await directory.admin('DELETE', `${GROUPS}/${group.id}`)).statusCode).toBe(204)
  expect((await directory.admin('GET', `${GROUPS}/${group.id}`)).statusCode).toBe(404)
  expect((await directory.admin('POST', GROUPS, again)).statusCode).toBe(201)
})

test('a change is recorded once, with its description taken away by null', async () => {
  const group = await add({ description: 'Team' })
  const url = `${GROUPS}/${group.id}`
  const change = { description: null, displayName: group.displayName }
  expect((await directory.admin('PATCH', url, change)).json()).not.toHaveProperty('description')
  await directory.admin('PATCH', url, change)
  expect(await directory.entriesOf('group.update', { groupId: group.id })).toHaveLength(1)
})

test('the list finds by the beginning of the name', async () => {
  const group = await add()
  const url = `${GROUPS}?search=${group.displayName.slice(0, 14).toUpperCase()}`
  const found = (await directory.admin('GET', url)).json<{ items: Group[] }>()
  expect(found.items.map(({ id }) => id)).toEqual([group.id])
})
