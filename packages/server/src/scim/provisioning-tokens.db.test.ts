/** Provisioning tokens: what they open, what they do not, and what a database writer can make. */

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestPerson } from '../testing/test-person.ts'
import { TestScimClient } from '../testing/test-scim-client.ts'
import { TestService } from '../testing/test-service.ts'
import { withoutSecrets } from '../http/secret-text.ts'

const REFUSED = {
  schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
  status: '401',
  detail: 'This needs a provisioning token that is still valid.',
}
const PATH = '/api/v1/provisioning-tokens'

let service: TestService
let client: TestScimClient
beforeAll(async () => {
  service = await TestService.start()
  client = await TestScimClient.of(service)
})
afterAll(async () => service[Symbol.asyncDispose]())

async function scimWith(token: string | undefined) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return await service.app.inject({ method: 'GET', url: '/scim/v2/Users', headers })
}

describe('who gets in', () => {
  test.each([
    ['nobody', undefined],
    ['a word', 'secret'],
    ['another token of the form', `keydesk_scim_${'A'.repeat(64)}`],
  ])('%s is refused in the form of SCIM', async (_, token) => {
    const response = await scimWith(token)
    expect(response.statusCode).toBe(401)
    expect(response.headers['www-authenticate']).toBe('Bearer')
    expect(response.headers['content-type']).toContain('application/scim+json')
    expect(response.json()).toEqual(REFUSED)
  })

  test("an administrator's token and a device's request do not provision", async () => {
    expect((await scimWith(service.administratorToken)).json()).toEqual(REFUSED)
    const { token } = await service.enrollmentToken()
    expect((await scimWith(token)).json()).toEqual(REFUSED)
  })

  test('a provisioning token opens nothing but SCIM', async () => {
    for (const url of ['/api/v1/users', '/api/v1/devices', PATH, '/api/v1/audit/entries']) {
      const headers = { authorization: `Bearer ${client.token.token}` }
      const response = await service.app.inject({ method: 'GET', url, headers })
      expect([url, response.statusCode]).toEqual([url, 401])
      expect(response.json()).toMatchObject({ code: 'UNAUTHENTICATED' })
    }
  })

  test('a changed character in any part of the token is refused', async () => {
    const { token } = client.token
    for (const index of [13, 20, 40, token.length - 2]) {
      const other = token[index] === 'A' ? 'B' : 'A'
      const changed = token.slice(0, index) + other + token.slice(index + 1)
      expect((await scimWith(changed)).json()).toEqual(REFUSED)
    }
    expect((await scimWith(token)).statusCode).toBe(200)
  })
})

describe('its life', () => {
  test('it is shown once, and neither the list nor the database holds it', async () => {
    expect(client.token).toMatchObject({ name: 'Entra ID', state: 'active' })
    expect(client.token.token).toMatch(/^keydesk_scim_[A-Za-z0-9_-]{64}$/)
    const list = await service.admin('GET', PATH)
    expect(list.json()).toMatchObject({ items: [{ id: client.token.id, name: 'Entra ID' }] })
    expect(list.body).not.toContain('keydesk_scim_')
    const rows = await service.deps.db.selectFrom('provisioning_token').selectAll().execute()
    expect(JSON.stringify(rows)).not.toContain(client.token.token.slice(13))
    expect(withoutSecrets(`token ${client.token.token}!`)).toBe('token [redacted]!')
  })

  test('its last use is shown', async () => {
    const own = await TestScimClient.of(service, 'used')
    const show = async () => {
      const list = (await service.admin('GET', PATH)).json<{ items: { id: string }[] }>()
      return list.items.find(({ id }) => id === own.token.id)
    }
    expect(await show()).not.toHaveProperty('lastUsedAt')
    await own.list('/Users')
    expect(await show()).toMatchObject({ lastUsedAt: service.deps.clock.now().toISOString() })
  })

  test('a revoked one is refused at once, and revoking again changes nothing', async () => {
    const own = await TestScimClient.of(service, 'revoked')
    expect((await own.send('GET', '/Users')).statusCode).toBe(200)
    const revoked = await service.admin('DELETE', `${PATH}/${own.token.id}`)
    expect(revoked.json()).toMatchObject({ state: 'revoked' })
    expect((await own.send('GET', '/Users')).json()).toEqual(REFUSED)
    const again = await service.admin('DELETE', `${PATH}/${own.token.id}`)
    expect(again.json()).toEqual(revoked.json())
    const unknown = await service.admin('DELETE', `${PATH}/${randomUUID()}`)
    expect(unknown.json()).toMatchObject({
      code: 'NOT_FOUND',
      detail: 'There is no provisioning token with this ID.',
    })
  })

  test('an expired one is refused, and none lives longer than a year', async () => {
    await using other = await TestService.start()
    const own = await TestScimClient.of(other)
    other.deps.clock.advance(30 * 86_400 - 1)
    expect((await own.send('GET', '/Users')).statusCode).toBe(200)
    other.deps.clock.advance(1)
    expect((await own.send('GET', '/Users')).json()).toEqual(REFUSED)
    const body = { name: 'for ever', expiresInSeconds: 366 * 86_400 + 1 }
    const response = await other.admin('POST', PATH, body)
    expect(response.json()).toMatchObject({ code: 'INVALID_REQUEST' })
  })

  test('making and revoking are audited without the token', async () => {
    const own = await TestScimClient.of(service, 'audited')
    await service.admin('DELETE', `${PATH}/${own.token.id}`)
    const entries = await service.auditEntries()
    const about = entries.filter(({ detail }) => detail['provisioningTokenId'] === own.token.id)
    expect(about.map(({ action, outcome }) => [action, outcome])).toEqual([
      ['provisioningToken.create', 'success'],
      ['provisioningToken.revoke', 'success'],
    ])
    expect(JSON.stringify(entries)).not.toContain('keydesk_scim_')
  })
})

describe('somebody who writes the database', () => {
  test('cannot move the hash of his token to another row', async () => {
    const own = await TestScimClient.of(service, 'moved')
    const { db } = service.deps
    const read = db.selectFrom('provisioning_token').selectAll()
    const row = await read.where('id', '=', own.token.id).executeTakeFirstOrThrow()
    const id = randomUUID()
    await db
      .insertInto('provisioning_token')
      .values({ ...row, id })
      .execute()
    const bytes = Buffer.from(own.token.token.slice(13), 'base64url')
    Buffer.from(id.replaceAll('-', ''), 'hex').copy(bytes)
    expect((await scimWith(`keydesk_scim_${bytes.toString('base64url')}`)).json()).toEqual(REFUSED)
    expect((await scimWith(own.token.token)).statusCode).toBe(200)
  })

  test('cannot give a token more time', async () => {
    await using other = await TestService.start()
    const own = await TestScimClient.of(other)
    const expires_at = new Date(other.deps.clock.now().getTime() + 900 * 86_400_000)
    await other.deps.db.updateTable('provisioning_token').set({ expires_at }).execute()
    expect((await own.send('GET', '/Users')).json()).toEqual(REFUSED)
  })
})

test('whoever may not give roles makes no token, since it would give him some', async () => {
  const roleId = randomUUID()
  const now = service.deps.clock.now()
  const permissions = ['keydesk/provisioning/manage']
  await service.deps.db
    .insertInto('role_definition')
    .values({ id: roleId, display_name: roleId, permissions, created_at: now, updated_at: now })
    .execute()
  const manager = await TestPerson.create(service, { roleId })
  const wanted = { name: 'mine', expiresInSeconds: 86_400 }
  const before = await manager.call('GET', PATH)
  const refused = await manager.call('POST', PATH, wanted)
  expect(refused.json()).toMatchObject({
    status: 403,
    code: 'FORBIDDEN',
    detail: expect.stringContaining('roleAssignments') as string,
  })
  expect((await manager.call('GET', PATH)).json()).toEqual(before.json())
  // To take one away needs no more.
  const { id } = (await service.admin('POST', PATH, wanted)).json<{ id: string }>()
  expect((await manager.call('DELETE', `${PATH}/${id}`)).json()).toMatchObject({ state: 'revoked' })
})
