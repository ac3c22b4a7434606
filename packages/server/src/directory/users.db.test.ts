/** Users over the API: adding, changing, disabling and deleting them, and who may not. */

import { randomUUID } from 'node:crypto'
import { GLOBAL_ADMINISTRATOR, type User, type UserDetail, type UserPage } from '@keydesk/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DirectoryTest } from '../testing/directory-test.ts'

const USER_READER = 'microsoft.directory/users/standard/read'

let directory: DirectoryTest
beforeAll(async () => {
  directory = await DirectoryTest.start()
})
afterAll(async () => directory[Symbol.asyncDispose]())

const newUser = async (more: object = {}): Promise<User> => {
  const name = `person-${randomUUID().slice(0, 8)}`
  const body = { userPrincipalName: `${name}@keydesk.example`, displayName: name, ...more }
  const response = await directory.admin('POST', '/api/v1/users', body)
  expect(response.statusCode).toBe(201)
  return response.json<User>()
}

describe('who may not', () => {
  test('somebody with another permission can neither list nor add users', async () => {
    const caller = await directory.caller(['microsoft.directory/groups/standard/read'])
    for (const [method, url] of [
      ['GET', '/api/v1/users'],
      ['GET', `/api/v1/users/${randomUUID()}`],
      ['POST', '/api/v1/users'],
      ['GET', '/api/v1/users/export'],
    ] as const) {
      const response = await caller(method, url, method === 'POST' ? {} : undefined)
      expect(response.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
    }
  })

  test('whoever changes users cannot disable or enable them without that permission', async () => {
    const user = await newUser()
    const caller = await directory.caller([USER_READER, 'microsoft.directory/users/basic/update'])
    const url = `/api/v1/users/${user.id}`
    const refused = await caller('PATCH', url, { isActive: false })
    expect(refused.json()).toMatchObject({
      code: 'FORBIDDEN',
      detail: expect.stringContaining('microsoft.directory/users/disable') as string,
    })
    expect((await caller('PATCH', url, { displayName: 'Other' })).statusCode).toBe(200)
    expect((await caller('GET', url)).json()).toMatchObject({ isActive: true })
  })

  test('a user who holds roles is changed and deleted only by whoever may give roles', async () => {
    const user = await newUser()
    await directory.assign(user.id, 'f2ef992c-3afb-46b9-b7cf-a126ee74c451')
    const caller = await directory.caller([
      USER_READER,
      'microsoft.directory/users/basic/update',
      'microsoft.directory/users/disable',
      'microsoft.directory/users/delete',
    ])
    const url = `/api/v1/users/${user.id}`
    for (const response of [
      await caller('PATCH', url, { userPrincipalName: 'mine@keydesk.example' }),
      await caller('PATCH', url, { isActive: false }),
      await caller('DELETE', url),
    ]) {
      expect(response.json()).toMatchObject({
        code: 'FORBIDDEN',
        detail: expect.stringContaining('holds roles') as string,
      })
    }
    expect((await directory.admin('GET', url)).json()).toMatchObject({
      userPrincipalName: user.userPrincipalName,
      isActive: true,
    })
  })

  test('the last administrator is neither disabled nor deleted', async () => {
    await using own = await DirectoryTest.start()
    const body = { userPrincipalName: 'last@keydesk.example', displayName: 'Last' }
    const { id } = (await own.admin('POST', '/api/v1/users', body)).json<User>()
    await own.assign(id, GLOBAL_ADMINISTRATOR)
    const url = `/api/v1/users/${id}`
    const disabled = await own.admin('PATCH', url, { isActive: false })
    expect(disabled.json()).toMatchObject({ status: 409, code: 'LAST_ADMINISTRATOR' })
    const deleted = await own.admin('DELETE', url)
    expect(deleted.json()).toMatchObject({ status: 409, code: 'LAST_ADMINISTRATOR' })
    expect((await own.admin('GET', url)).json()).toMatchObject({ isActive: true })
  })

  test('roles and groups of a user are shown only to whoever may see them', async () => {
    const user = await newUser()
    await directory.assign(user.id, 'f2ef992c-3afb-46b9-b7cf-a126ee74c451')
    const caller = await directory.caller([USER_READER])
    const seen = (await caller('GET', `/api/v1/users/${user.id}`)).json<UserDetail>()
    expect(seen.roleAssignments).toBeUndefined()
    expect(seen.groups).toBeUndefined()
    const all = (await directory.admin('GET', `/api/v1/users/${user.id}`)).json<UserDetail>()
    expect(all.roleAssignments).toMatchObject([{ effect: 'allow', scope: '/' }])
    expect(all.groups).toEqual([])
  })
})

describe('a name', () => {
  test.each([
    ['a direction override', { displayName: 'ali\u202ece' }],
    ['a zero-width space', { displayName: 'al\u200bice' }],
    ['a soft hyphen', { department: 'I\u00adT' }],
    ['a control character', { displayName: 'a\u001b[2J' }],
    ['spaces around it', { displayName: ' alice' }],
    ['no text', { displayName: '' }],
    ['too many characters', { displayName: 'a'.repeat(257) }],
    ['a principal name without a domain', { userPrincipalName: 'alice' }],
    ['a principal name in letters that look alike', { userPrincipalName: 'аlice@keydesk.example' }],
    ['a mail address with a space', { mail: 'a b@keydesk.example' }],
    ['an unknown field', { isAdministrator: true }],
  ])('with %s is refused', async (_, more) => {
    const body = { userPrincipalName: 'x@keydesk.example', displayName: 'X', ...more }
    const response = await directory.admin('POST', '/api/v1/users', body)
    expect(response.json()).toMatchObject({ status: 400, code: 'INVALID_REQUEST' })
  })

  test('is another user’s in any case of letters', async () => {
    const user = await newUser()
    const other = await newUser()
    const taken = { userPrincipalName: user.userPrincipalName.toUpperCase() }
    const added = await directory.admin('POST', '/api/v1/users', { ...taken, displayName: 'X' })
    expect(added.json()).toMatchObject({ status: 409, code: 'NAME_TAKEN' })
    const changed = await directory.admin('PATCH', `/api/v1/users/${other.id}`, taken)
    expect(changed.json()).toMatchObject({ status: 409, code: 'NAME_TAKEN' })
  })
})

describe('changing', () => {
  test('is recorded by field, without the values, and only where something changes', async () => {
    const user = await newUser({ mail: 'old@keydesk.example', department: 'IT' })
    const url = `/api/v1/users/${user.id}`
    const change = { mail: 'new@keydesk.example', department: null, displayName: user.displayName }
    const response = await directory.admin('PATCH', url, change)
    expect(response.json()).toMatchObject({ mail: 'new@keydesk.example' })
    expect(response.json()).not.toHaveProperty('department')
    await directory.admin('PATCH', url, change)
    const entries = await directory.entriesOf('user.update', { userId: user.id })
    expect(entries).toHaveLength(1)
    expect(entries[0]?.detail['fields']).toBe('mail department')
    expect(JSON.stringify(entries)).not.toContain('new@')
  })

  test('disabling ends every sign-in at once, enabling does not bring them back', async () => {
    const user = await newUser()
    const url = `/api/v1/users/${user.id}`
    await directory.admin('PATCH', url, { isActive: false })
    const { db, clock } = directory.service.deps
    const row = async () =>
      await db
        .selectFrom('directory_user')
        .select(['is_active', 'credentials_valid_after'])
        .where('id', '=', user.id)
        .executeTakeFirstOrThrow()
    expect(await row()).toEqual({ is_active: false, credentials_valid_after: clock.now() })
    const since = clock.now()
    clock.advance(60)
    await directory.admin('PATCH', url, { isActive: true })
    expect(await row()).toEqual({ is_active: true, credentials_valid_after: since })
    expect(await directory.entriesOf('user.disable', { userId: user.id })).toHaveLength(1)
    expect(await directory.entriesOf('user.enable', { userId: user.id })).toHaveLength(1)
  })
})

describe('deleting', () => {
  test('takes groups, roles and devices away, frees the name, and keeps the row', async () => {
    const { service } = directory
    const user = await newUser()
    const groupId = await directory.group([user.id])
    await directory.assign(user.id, 'f2ef992c-3afb-46b9-b7cf-a126ee74c451')
    const device = await service.device()
    await device.escrowNew()
    await directory.setOwner(device.deviceId, user.id)
    const url = `/api/v1/users/${user.id}`
    expect((await directory.admin('DELETE', url)).statusCode).toBe(204)
    expect((await directory.admin('GET', url)).json()).toMatchObject({ code: 'NOT_FOUND' })
    expect((await directory.admin('DELETE', url)).json()).toMatchObject({ code: 'NOT_FOUND' })
    const members = await directory.admin('GET', `/api/v1/groups/${groupId}/members`)
    expect(members.json()).toEqual({ items: [] })
    const detail = await service.detail(device.deviceId)
    expect(detail.owner).toBeUndefined()
    expect(detail.rotations).toMatchObject([{ trigger: 'ownerChange', state: 'requested' }])
    const again = { userPrincipalName: user.userPrincipalName, displayName: 'Successor' }
    expect((await directory.admin('POST', '/api/v1/users', again)).statusCode).toBe(201)
    const [entry] = await directory.entriesOf('user.delete', { userId: user.id })
    expect(entry?.detail).toMatchObject({ devices: 1, groups: 1, roleAssignments: 1 })
  })
})

describe('the list', () => {
  test('finds by the beginning of three names, filters, and has pages', async () => {
    await using own = await DirectoryTest.start()
    const add = async (name: string, more: object = {}) =>
      (
        await own.admin('POST', '/api/v1/users', {
          userPrincipalName: `${name}@keydesk.example`,
          displayName: `The ${name}`,
          ...more,
        })
      ).json<User>()
    const alice = await add('alice', { mail: 'a.smith@keydesk.example' })
    const bob = await add('bob', { isActive: false })
    const names = async (query: string) =>
      (await own.admin('GET', `/api/v1/users?${query}`)).json<UserPage>().items.map(({ id }) => id)
    expect(await names('search=ALI')).toEqual([alice.id])
    expect(await names('search=the%20a')).toEqual([alice.id])
    expect(await names('search=a.s')).toEqual([alice.id])
    expect(await names('search=lice')).toEqual([])
    expect(await names('search=%25')).toEqual([])
    expect(await names('isActive=false')).toEqual([bob.id])
    const groupId = await own.group([alice.id])
    expect(await names(`groupId=${groupId}`)).toEqual([alice.id])
    const first = (await own.admin('GET', '/api/v1/users?limit=1')).json<UserPage>()
    const second = await own.admin('GET', `/api/v1/users?limit=1&after=${first.nextAfter}`)
    expect([...first.items, ...second.json<UserPage>().items].map(({ id }) => id)).toEqual([
      alice.id,
      bob.id,
    ])
  })
})
