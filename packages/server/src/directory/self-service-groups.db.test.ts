/**
 * Who is in a group that the self-service policy names is a part of that policy: whoever may only
 * manage groups does not change it that way.
 */

import type { Group, ImportResult } from '@keydesk/contract'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { DirectoryTest } from '../testing/directory-test.ts'
import { testRole } from '../testing/test-approval-scene.ts'
import { TestPerson } from '../testing/test-person.ts'

const POLICY = 'microsoft.directory/authorizationPolicy/allProperties/allTasks'
const refusal = {
  status: 403,
  code: 'FORBIDDEN',
  detail: `The self-service policy names this group: to change it needs the permission ${POLICY} for the whole directory.`,
}

let directory: DirectoryTest
let manager: TestPerson
let denied: string
beforeAll(async () => {
  directory = await DirectoryTest.start()
})
afterAll(async () => directory[Symbol.asyncDispose]())
beforeEach(async () => {
  manager = await TestPerson.create(directory.service, testRole('Intune Administrator'))
  denied = await directory.group([manager.id])
  await name(denied, 'deny')
})

async function name(groupId: string, effect: 'allow' | 'deny'): Promise<void> {
  const url = `/api/v1/self-service-policy/groups/${groupId}`
  const response = await directory.admin('PUT', url, { effect })
  if (response.statusCode !== 200) throw new Error(`the policy stayed: ${response.body}`)
}

async function members(groupId: string): Promise<string[]> {
  const rows = await directory.service.deps.db
    .selectFrom('group_member')
    .select('user_id')
    .where('group_id', '=', groupId)
    .execute()
  return rows.map(({ user_id: id }) => id)
}

test('whoever manages groups neither leaves, changes nor deletes one that denies', async () => {
  const url = `/api/v1/groups/${denied}`
  const left = await manager.call('POST', `${url}/members`, { remove: [manager.id] })
  expect(left.json()).toMatchObject(refusal)
  expect((await manager.call('PATCH', url, { displayName: 'Mine' })).json()).toMatchObject(refusal)
  expect((await manager.call('DELETE', url)).json()).toMatchObject(refusal)
  expect(await members(denied)).toEqual([manager.id])
})

test('nor joins one that allows', async () => {
  const allowed = await directory.group()
  await name(allowed, 'allow')
  const url = `/api/v1/groups/${allowed}/members`
  const joined = await manager.call('POST', url, { add: [manager.id] })
  expect(joined.json()).toMatchObject(refusal)
  expect(await members(allowed)).toEqual([])
})

test('nor does either by an import', async () => {
  const group = (await directory.admin('GET', `/api/v1/groups/${denied}`)).json<Group>()
  const csv = `group,member\r\n${group.displayName},\r\n`
  const call = directory.asUser(manager.id)
  const response = await call('POST', '/api/v1/groups/import?members=replace', csv)
  expect(response.json<ImportResult>()).toMatchObject({
    applied: false,
    errors: [{ line: 2, column: 'group', message: refusal.detail }],
  })
  expect(await members(denied)).toEqual([manager.id])
})

test('whoever may change the policy too does it, and so does whoever manages groups with others', async () => {
  const other = await directory.group([manager.id])
  const left = { remove: [manager.id] }
  expect((await manager.call('POST', `/api/v1/groups/${other}/members`, left)).statusCode).toBe(200)
  await directory.assign(manager.id, await directory.role([POLICY]))
  expect((await manager.call('POST', `/api/v1/groups/${denied}/members`, left)).statusCode).toBe(
    200,
  )
  expect(await members(denied)).toEqual([])
})

test('to do it needs a sign-in of just now, as to change the policy', async () => {
  await directory.assign(manager.id, await directory.role([POLICY]))
  const dayAgo = directory.service.deps.clock.now().getTime() - 86_400_000
  await manager.signInAgain({ authenticatedAt: new Date(dayAgo) })
  const left = { remove: [manager.id] }
  const answer = await manager.call('POST', `/api/v1/groups/${denied}/members`, left)
  expect(answer.json()).toMatchObject({ status: 401, code: 'STEP_UP_REQUIRED' })
  const other = await directory.group([manager.id])
  expect((await manager.call('POST', `/api/v1/groups/${other}/members`, left)).statusCode).toBe(200)
})
