/**
 * Above all, deprovisioning: whoever is set inactive is out at once. And what a SCIM client must
 * not reach: local accounts, and the last administrator.
 */

import { GLOBAL_ADMINISTRATOR } from '@keydesk/contract'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { loadPrincipal } from '../access/load-principal.ts'
import { ENTRA_DISABLE, ENTRA_ENABLE } from '../testing/entra-scim-requests.ts'
import { insertTestGroup, insertTestUser } from '../testing/test-people.ts'
import { TestScimClient, type ScimResource } from '../testing/test-scim-client.ts'
import { insertTestAssignment } from '../testing/test-scopes.ts'
import { signInByDeviceCode } from '../testing/sign-in-by-device-code.ts'
import { createTestAccount } from '../testing/test-account.ts'
import { TestService } from '../testing/test-service.ts'
import { startTestSession } from '../testing/test-session.ts'

let service: TestService
let client: TestScimClient
beforeAll(async () => {
  service = await TestService.start()
  client = await TestScimClient.of(service)
})
afterAll(async () => service[Symbol.asyncDispose]())

/** What an access token of the user says. */
async function tokenWorks(userId: string, issuedAt: Date): Promise<boolean> {
  const credential = {
    type: 'user',
    userId,
    authenticatedAt: issuedAt,
    methods: ['pwd'],
    acr: undefined,
    sessionId: undefined,
    scopes: ['Keydesk.Access'],
    issuedAt,
  } as const
  return (await loadPrincipal(service.deps, credential)) !== undefined
}

describe('a user who is taken away', () => {
  const put = (user: ScimResource) => ({ userName: user['userName'], active: false })
  test.each([
    ['PATCH as Entra sends it', 'PATCH', () => ENTRA_DISABLE],
    ['PUT', 'PUT', put],
    ['DELETE', 'DELETE', () => undefined],
  ] as const)('by %s is out at the next request', async (what, method, body) => {
    const user = await client.user(`leaver-${method}@keydesk.example`)
    const issuedAt = service.deps.clock.now()
    const { reads } = await startTestSession(service, user.id)
    const me = async () =>
      await service.app.inject({ method: 'GET', url: '/api/v1/me', headers: reads })
    expect((await me()).statusCode).toBe(200)
    expect(await tokenWorks(user.id, issuedAt)).toBe(true)

    const response = await client.send(method, `/Users/${user.id}`, body(user))
    expect([what, response.statusCode]).toEqual([what, method === 'DELETE' ? 204 : 200])
    const refused = await me()
    expect(refused.statusCode).toBe(401)
    expect(refused.json()).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await tokenWorks(user.id, issuedAt)).toBe(false)
  })

  test('loses the access token and the refresh token that the issuer gave him', async () => {
    const account = await createTestAccount(service)
    await service.deps.db
      .updateTable('directory_user')
      .set({ source: 'scim' })
      .where('id', '=', account.id)
      .execute()
    const cli = { clientId: 'keydesk-cli', scope: 'openid offline_access Keydesk.Access' }
    const tokens = await signInByDeviceCode(service, account, cli)
    const { access_token: accessToken, refresh_token: refreshToken = '' } = tokens
    const headers = { authorization: `Bearer ${accessToken}` }
    const me = async () => await service.app.inject({ method: 'GET', url: '/api/v1/me', headers })
    const refresh = async () =>
      await service.app.inject({
        method: 'POST',
        url: '/oidc/token',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        payload: new URLSearchParams({
          grant_type: 'refresh_token',
          client_id: cli.clientId,
          refresh_token: refreshToken,
        }).toString(),
      })
    expect(refreshToken).not.toBe('')
    expect((await me()).statusCode).toBe(200)

    const path = `/Users/${account.id}`
    expect((await client.send('PATCH', path, ENTRA_DISABLE)).statusCode).toBe(200)
    expect((await me()).json()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
    expect((await refresh()).json()).toMatchObject({ error: 'invalid_grant' })

    // Neither comes back with the account.
    expect((await client.send('PATCH', path, ENTRA_ENABLE)).statusCode).toBe(200)
    expect((await me()).statusCode).toBe(401)
    expect((await refresh()).json()).toMatchObject({ error: 'invalid_grant' })
  })

  test('who comes back has to sign in again', async () => {
    const user = await client.user('returner@keydesk.example')
    const issuedAt = service.deps.clock.now()
    const { reads } = await startTestSession(service, user.id)
    await client.send('PATCH', `/Users/${user.id}`, ENTRA_DISABLE)
    service.deps.clock.advance(60)
    await client.send('PATCH', `/Users/${user.id}`, ENTRA_ENABLE)
    const response = await service.app.inject({ method: 'GET', url: '/api/v1/me', headers: reads })
    expect(response.statusCode).toBe(401)
    expect(await tokenWorks(user.id, issuedAt)).toBe(false)
    expect(await tokenWorks(user.id, service.deps.clock.now())).toBe(true)
  })

  test('it is on record, with the client that did it, and once only', async () => {
    const user = await client.user('recorded@keydesk.example', { displayName: 'Personal Data' })
    for (let time = 0; time < 2; time += 1) {
      await client.send('PATCH', `/Users/${user.id}`, ENTRA_DISABLE)
    }
    await client.send('DELETE', `/Users/${user.id}`)
    const entries = await service.auditEntries()
    const about = entries.filter(({ detail }) => detail['userId'] === user.id)
    expect(about.map(({ action }) => action)).toEqual([
      'user.create',
      'user.disable',
      'user.delete',
    ])
    for (const entry of about) {
      expect(entry).toMatchObject({
        outcome: 'success',
        actor: { type: 'app', id: client.token.id, name: 'Entra ID' },
      })
      expect(JSON.stringify(entry)).not.toContain('Personal Data')
    }
  })

  test('an attribute that is not kept does not hold it up', async () => {
    const user = await client.user('unlucky@keydesk.example')
    const response = await client.patch(
      `/Users/${user.id}`,
      { op: 'Replace', path: 'addresses[type eq "work"].streetAddress', value: 'Somewhere' },
      { op: 'Add', path: 'urn:example:custom:2.0:User:badge', value: '7' },
      { op: 'Replace', path: 'active', value: 'False' },
    )
    expect(response.json()).toMatchObject({ active: false })
  })
})

test('who signed in before he was provisioned is found, kept up and taken away', async () => {
  const name = 'early@keydesk.example'
  const early = { user_principal_name: name, source: 'issuer', issuer: 'i', subject: 's' } as const
  const id = await insertTestUser(service.deps.db, early)
  const { Resources } = await client.list('/Users', { filter: `userName eq "${name}"` })
  expect(Resources.map((user) => user.id)).toEqual([id])
  const claim = { op: 'Add', path: 'externalId', value: 'now-known' }
  const claimed = await client.patch(`/Users/${id}`, claim)
  expect(claimed.json()).toMatchObject({ externalId: 'now-known', active: true })
  const read = service.deps.db.selectFrom('directory_user').select('source')
  expect(await read.where('id', '=', id).execute()).toEqual([{ source: 'scim' }])
  const { reads } = await startTestSession(service, id)
  await client.send('PATCH', `/Users/${id}`, ENTRA_DISABLE)
  const me = await service.app.inject({ method: 'GET', url: '/api/v1/me', headers: reads })
  expect(me.statusCode).toBe(401)
})

describe('an account that was made here', () => {
  let localId: string
  beforeEach(async () => {
    localId = await insertTestUser(service.deps.db)
  })

  test('does not exist for a SCIM client', async () => {
    const path = `/Users/${localId}`
    const whole = { userName: 'mine@keydesk.example', active: false }
    for (const response of [
      await client.send('GET', path),
      await client.send('PUT', path, whole),
      await client.send('PATCH', path, ENTRA_DISABLE),
      await client.patch(path, { op: 'replace', path: 'nothing known', value: 1 }),
      await client.send('DELETE', path),
    ]) {
      expect(response.json()).toMatchObject({
        status: '404',
        detail: 'There is no user with this ID.',
      })
    }
    const list = await client.list('/Users', { filter: `id eq "${localId}"` })
    expect(list.totalResults).toBe(0)
  })

  test('is not taken over by its name', async () => {
    const userName = `user-${localId.slice(0, 8)}@keydesk.example`
    const response = await client.send('POST', '/Users', { userName, active: false })
    expect(response.json()).toMatchObject({ status: '409', scimType: 'uniqueness' })
    const read = service.deps.db.selectFrom('directory_user').select(['source', 'is_active'])
    const row = await read.where('id', '=', localId).executeTakeFirst()
    expect(row).toEqual({ source: 'local', is_active: true })
  })

  test('neither comes into a group nor leaves one by SCIM', async () => {
    const group = await client.group(`With ${localId}`)
    const add = { op: 'add', path: 'members', value: [{ value: localId }] }
    expect((await client.patch(`/Groups/${group.id}`, add)).json()).toMatchObject({
      status: '400',
      scimType: 'invalidValue',
      detail: `There is no user with the ID ${localId}. Provision the user before the membership.`,
    })
    await service.deps.db
      .insertInto('group_member')
      .values({ group_id: group.id, user_id: localId, added_at: new Date() })
      .execute()
    expect(await client.show(`/Groups/${group.id}`)).toMatchObject({ members: [] })
    const byId = { op: 'remove', path: `members[value eq "${localId}"]` }
    const all = { op: 'remove', path: 'members' }
    for (const operation of [byId, all]) await client.patch(`/Groups/${group.id}`, operation)
    const members = await service.deps.db
      .selectFrom('group_member')
      .select('user_id')
      .where('group_id', '=', group.id)
      .execute()
    expect(members).toEqual([{ user_id: localId }])
  })

  test('groups that were made here do not exist either', async () => {
    const groupId = await insertTestGroup(service.deps.db, [{ id: localId }])
    const path = `/Groups/${groupId}`
    const rename = { op: 'replace', path: 'displayName', value: 'Mine' }
    for (const response of [
      await client.send('GET', path),
      await client.patch(path, rename),
      await client.send('PUT', path, { displayName: 'Mine', members: [] }),
      await client.send('DELETE', path),
    ]) {
      expect(response.json()).toMatchObject({
        status: '404',
        detail: 'There is no group with this ID.',
      })
    }
  })
})

describe('the last administrator', () => {
  const LAST = {
    status: '409',
    detail: expect.stringContaining('nobody could give roles') as unknown,
  }

  test('is not disabled or deleted, and nothing else of the request is done', async () => {
    await using own = await TestService.start()
    const entra = await TestScimClient.of(own)
    const user = await entra.user('admin@keydesk.example')
    await insertTestAssignment(own.deps.db, {
      principalId: user.id,
      roleId: GLOBAL_ADMINISTRATOR,
    })
    const path = `/Users/${user.id}`
    const { reads } = await startTestSession(own, user.id)
    const rename = { op: 'replace', path: 'displayName', value: 'Changed' }
    const disable = { op: 'replace', path: 'active', value: false }
    expect((await entra.patch(path, rename, disable)).json()).toMatchObject(LAST)
    const whole = { userName: 'admin@keydesk.example', active: false }
    expect((await entra.send('PUT', path, whole)).json()).toMatchObject(LAST)
    expect((await entra.send('DELETE', path)).json()).toMatchObject(LAST)
    expect(await entra.show(path)).toMatchObject({ displayName: 'admin@keydesk.example' })
    const me = await own.app.inject({ method: 'GET', url: '/api/v1/me', headers: reads })
    expect(me.statusCode).toBe(200)
  })

  test('is not taken out of the group that makes him one, nor is the group deleted', async () => {
    await using own = await TestService.start()
    const entra = await TestScimClient.of(own)
    const user = await entra.user('admin@keydesk.example')
    const group = await entra.group('Administrators', [user.id])
    await insertTestAssignment(own.deps.db, {
      principalId: group.id,
      roleId: GLOBAL_ADMINISTRATOR,
    })
    const path = `/Groups/${group.id}`
    const remove = { op: 'Remove', path: 'members', value: [{ value: user.id }] }
    expect((await entra.patch(path, remove)).json()).toMatchObject(LAST)
    expect((await entra.send('DELETE', path)).json()).toMatchObject(LAST)
    expect(await entra.show(path)).toMatchObject({ members: [{ value: user.id }] })
  })
})

test('who comes into a group that holds roles is on record with how many it holds', async () => {
  const user = await client.user('promoted@keydesk.example')
  const group = await client.group('Readers of keys')
  await insertTestAssignment(service.deps.db, {
    principalId: group.id,
    roleId: GLOBAL_ADMINISTRATOR,
  })
  const add = { op: 'Add', path: 'members', value: [{ value: user.id }] }
  expect((await client.patch(`/Groups/${group.id}`, add)).statusCode).toBe(204)
  const about = (await service.auditEntries()).filter(
    ({ detail }) => detail['groupId'] === group.id,
  )
  expect(about.map(({ action }) => action)).toEqual([
    'group.create',
    'group.addMember',
    'group.update',
  ])
  expect(about[1]?.detail).toMatchObject({ userId: user.id })
  expect(about[2]?.detail).toMatchObject({ roleAssignments: 1, added: 1, removed: 0 })
})
