/** Changes by PATCH and PUT: what is refused, that nothing is done by halves, and many at once. */

import { randomUUID } from 'node:crypto'
import { LIMITS } from '@keydesk/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { insertTestUser } from '../testing/test-people.ts'
import { TestScimClient, type ScimResource } from '../testing/test-scim-client.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
let client: TestScimClient
let user: ScimResource
let group: ScimResource
beforeAll(async () => {
  service = await TestService.start()
  client = await TestScimClient.of(service)
  user = await client.user('somebody@keydesk.example', {
    emails: [{ value: 'somebody@keydesk.example' }],
  })
  group = await client.group('A group', [user.id])
})
afterAll(async () => service[Symbol.asyncDispose]())

describe('a PATCH of a user that is refused', () => {
  test.each([
    ['an unknown attribute', { op: 'replace', path: 'shoeSize', value: 46 }, 'invalidPath'],
    ['an unknown part', { op: 'replace', path: 'name.nick', value: 'x' }, 'invalidPath'],
    ['no path at all', { op: 'replace', path: '[value eq "x"]', value: 'x' }, 'invalidPath'],
    ['a prototype', { op: 'add', path: '__proto__.active', value: 'x' }, 'invalidPath'],
    ['the ID', { op: 'replace', path: 'id', value: randomUUID() }, 'mutability'],
    ['his groups', { op: 'add', path: 'groups', value: [] }, 'mutability'],
    ['no userName', { op: 'remove', path: 'userName' }, 'mutability'],
    ['an empty userName', { op: 'replace', path: 'userName', value: ' ' }, 'invalidValue'],
    ['an invisible one', { op: 'replace', path: 'userName', value: 'a\u200bb' }, 'invalidValue'],
    ['a number as a name', { op: 'replace', path: 'displayName', value: 7 }, 'invalidValue'],
    ['two lines', { op: 'replace', path: 'displayName', value: 'a\nb' }, 'invalidValue'],
    ['NUL', { op: 'replace', path: 'displayName', value: 'a\0b' }, 'invalidValue'],
    ['too long', { op: 'replace', path: 'displayName', value: 'x'.repeat(257) }, 'invalidValue'],
    ['active, but how', { op: 'replace', path: 'active', value: 'maybe' }, 'invalidValue'],
    ['no value', { op: 'replace', path: 'displayName' }, 'invalidValue'],
    ['a removal of nothing', { op: 'remove' }, 'noTarget'],
    [
      'an address that he has not',
      { op: 'replace', path: 'emails[value eq "other@keydesk.example"].value', value: 'x' },
      'noTarget',
    ],
    ['a broken filter', { op: 'remove', path: 'emails[type eq]' }, 'invalidFilter'],
    ['an unknown op', { op: 'move', path: 'displayName', value: 'x' }, 'invalidSyntax'],
    ['no operation', 'remove', 'invalidSyntax'],
  ])('%s, and what came before it is not done', async (_, operation, scimType) => {
    const before = await client.show(`/Users/${user.id}`)
    const first = { op: 'Replace', path: 'displayName', value: 'Half done' }
    const response = await client.patch(`/Users/${user.id}`, first, operation)
    expect(response.json()).toMatchObject({ status: '400', scimType })
    expect(await client.show(`/Users/${user.id}`)).toEqual(before)
  })

  test.each([
    ['no operations', { Operations: [] }, 'invalidSyntax'],
    ['nothing', {}, 'invalidSyntax'],
    ['a list', [], 'invalidValue'],
  ])('%s', async (_, body, scimType) => {
    const response = await client.send('PATCH', `/Users/${user.id}`, body)
    expect(response.json()).toMatchObject({ status: '400', scimType })
  })
})

describe('a PATCH of a user in other forms', () => {
  test.each([
    [
      'lower-case names',
      { op: 'REPLACE', path: 'displayname', value: 'One' },
      { displayName: 'One' },
    ],
    [
      'the schema before the name',
      { op: 'add', path: 'urn:ietf:params:scim:schemas:core:2.0:User:displayName', value: 'Two' },
      { displayName: 'Two' },
    ],
    [
      'a whole name',
      { op: 'add', value: { name: { givenName: 'Three', familyName: 'Four' } } },
      { name: { formatted: 'Three Four' } },
    ],
    [
      'whole e-mails, the primary one at work',
      {
        op: 'replace',
        path: 'emails',
        value: [
          { type: 'home', value: 'home@keydesk.example', primary: true },
          { type: 'work', value: 'one@keydesk.example' },
          { type: 'work', value: 'two@keydesk.example', primary: true },
        ],
      },
      { emails: [{ value: 'two@keydesk.example', type: 'work', primary: true }] },
    ],
    [
      'an e-mail that a filter chose',
      { op: 'Replace', path: 'emails[primary eq true]', value: { value: 'three@keydesk.example' } },
      { emails: [{ value: 'three@keydesk.example', type: 'work', primary: true }] },
    ],
    [
      'the address of another type, which is not kept',
      { op: 'Add', path: 'emails[type eq "home"].value', value: 'home@keydesk.example' },
      { emails: [{ value: 'three@keydesk.example', type: 'work', primary: true }] },
    ],
    [
      'an extension as a whole',
      {
        op: 'add',
        value: {
          'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { department: 'Five' },
        },
      },
      { 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { department: 'Five' } },
    ],
    [
      'active in an array',
      { op: 'replace', path: 'active', value: [{ value: 'TRUE' }] },
      { active: true },
    ],
  ])('%s', async (_, operation, expected) => {
    const response = await client.patch(`/Users/${user.id}`, operation)
    expect(response.json()).toMatchObject(expected)
  })

  test('removals', async () => {
    const own = await client.user('removals@keydesk.example', {
      name: { givenName: 'Re', familyName: 'Moval' },
      emails: [{ value: 'removals@keydesk.example', type: 'work' }],
      externalId: 'x',
    })
    const response = await client.patch(
      `/Users/${own.id}`,
      { op: 'Remove', path: 'emails[type eq "work"].value' },
      { op: 'remove', path: 'name.givenName' },
      { op: 'remove', path: 'externalId' },
    )
    const changed = response.json<ScimResource>()
    expect(changed).toMatchObject({ name: { formatted: 'Moval', familyName: 'Moval' } })
    expect(changed).not.toHaveProperty('emails')
    expect(changed).not.toHaveProperty('externalId')
  })
})

describe('members that are refused', () => {
  test.each([
    ['a user who does not exist', { value: randomUUID() }, 'There is no user with the ID'],
    ['no ID', { value: 'u1091' }, 'A member is named by the ID of a user of this server.'],
    ['nothing', {}, 'A member is named by the ID of a user of this server.'],
    ['a group by its type', { value: randomUUID(), type: 'Group' }, 'not groups'],
    [
      'a group by its address',
      { value: randomUUID(), $ref: 'https://keydesk.example/scim/v2/Groups/1' },
      'not groups',
    ],
  ])('%s, and nothing else is done', async (_, member, detail) => {
    const add = { op: 'add', path: 'members', value: [member] }
    const rename = { op: 'replace', path: 'displayName', value: 'Half done' }
    const response = await client.patch(`/Groups/${group.id}`, rename, add)
    expect(response.json()).toMatchObject({
      status: '400',
      scimType: 'invalidValue',
      detail: expect.stringContaining(detail) as unknown,
    })
    expect(await client.show(`/Groups/${group.id}`)).toMatchObject({ displayName: 'A group' })
    const made = { displayName: 'Not made', members: [member] }
    expect((await client.send('POST', '/Groups', made)).statusCode).toBe(400)
  })

  test('a group by its ID', async () => {
    const inner = await client.group('Inner')
    const add = { op: 'add', path: 'members', value: [{ value: inner.id }] }
    expect((await client.patch(`/Groups/${group.id}`, add)).json()).toMatchObject({
      scimType: 'invalidValue',
      detail: expect.stringContaining('not groups') as unknown,
    })
  })

  test('an unknown path or filter', async () => {
    const path = `/Groups/${group.id}`
    const byName = { op: 'remove', path: 'members[display eq "x"]' }
    expect((await client.patch(path, byName)).json()).toMatchObject({ scimType: 'invalidFilter' })
    const inside = { op: 'replace', path: `members[value eq "${user.id}"].display`, value: 'x' }
    expect((await client.patch(path, inside)).json()).toMatchObject({ scimType: 'mutability' })
    const unknown = { op: 'replace', path: 'owner', value: 'x' }
    expect((await client.patch(path, unknown)).json()).toMatchObject({ scimType: 'invalidPath' })
  })

  test('to take somebody out who is not in is no error', async () => {
    const remove = { op: 'remove', path: `members[value eq "${randomUUID()}"]` }
    expect((await client.patch(`/Groups/${group.id}`, remove)).statusCode).toBe(204)
    expect(await client.show(`/Groups/${group.id}`)).toMatchObject({
      members: [{ value: user.id }],
    })
  })

  test('the last word about a member counts', async () => {
    const path = `/Groups/${group.id}`
    const value = [{ value: user.id }]
    const add = { op: 'add', path: 'members', value }
    const remove = { op: 'remove', path: 'members', value }
    await client.patch(path, add, remove)
    expect(await client.show(path)).toMatchObject({ members: [] })
    await client.patch(path, { op: 'remove', path: 'members' }, add)
    expect(await client.show(path)).toMatchObject({ members: value })
  })
})

describe('versions', () => {
  test('a change of what another changed since is refused', async () => {
    for (const path of [`/Users/${user.id}`, `/Groups/${group.id}`]) {
      const { meta } = await client.show(path)
      const body = (displayName: string) => ({
        Operations: [{ op: 'replace', path: 'displayName', value: displayName }],
      })
      const ifMatch = { 'if-match': meta.version }
      const first = await client.send('PATCH', path, body(`First ${path}`), ifMatch)
      expect(first.statusCode).toBeLessThan(300)
      const second = await client.send('PATCH', path, body('Second'), ifMatch)
      expect(second.json()).toMatchObject({ status: '412' })
      const deletion = await client.send('DELETE', path, undefined, ifMatch)
      expect(deletion.statusCode).toBe(412)
      expect(await client.show(path)).toMatchObject({ displayName: `First ${path}` })
    }
  })

  test('a member who comes or goes makes another version', async () => {
    const own = await client.group('Versions')
    const versions = new Set([own.meta.version])
    for (const op of ['add', 'remove'] as const) {
      service.deps.clock.advance(1)
      await client.patch(`/Groups/${own.id}`, { op, path: 'members', value: [{ value: user.id }] })
      versions.add((await client.show(`/Groups/${own.id}`)).meta.version)
    }
    expect(versions.size).toBeGreaterThan(1)
  })

  test('who has the current one does not get it again', async () => {
    const { meta } = await client.show(`/Users/${user.id}`)
    const known = { 'if-none-match': meta.version }
    const response = await client.send('GET', `/Users/${user.id}`, undefined, known)
    expect([response.statusCode, response.body]).toEqual([304, ''])
  })
})

describe('at once', () => {
  test('the same user from two sides: one is made, the other is told so', async () => {
    const body = { userName: 'both@keydesk.example' }
    const responses = await Promise.all([
      client.send('POST', '/Users', body),
      client.send('POST', '/Users', body),
    ])
    expect(responses.map(({ statusCode }) => String(statusCode)).toSorted()).toEqual(['201', '409'])
  })

  test('members that come by ten requests are all there', async () => {
    const own = await client.group('Ten')
    const users = await Promise.all(
      Array.from({ length: 10 }, async (_, n) => client.user(`ten-${n}@keydesk.example`)),
    )
    const statuses = await Promise.all(
      users.map(async ({ id }) => {
        const add = { op: 'Add', path: 'members', value: [{ value: id }] }
        return (await client.patch(`/Groups/${own.id}`, add)).statusCode
      }),
    )
    expect(new Set(statuses)).toEqual(new Set([204]))
    const { members } = await client.show(`/Groups/${own.id}`)
    expect(members).toHaveLength(10)
  })
})

describe('the form of errors', () => {
  const ERROR = ['urn:ietf:params:scim:api:messages:2.0:Error']

  test.each([
    ['GET', '/Nothing', 404],
    ['POST', '/Nothing', 404],
    ['POST', '/Bulk', 404],
    ['PATCH', '/Users', 404],
    ['GET', '/Groups/not-a-guid', 404],
    ['DELETE', '/Groups/%2e%2e', 404],
    ['GET', '/Schemas/nothing', 404],
    ['GET', `/Groups/${'x'.repeat(200)}`, 404],
  ] as const)('%s %s', async (method, path, status) => {
    const response = await client.send(method, path, method === 'POST' ? {} : undefined)
    expect(response.headers['content-type']).toContain('application/scim+json')
    expect(response.json()).toMatchObject({ schemas: ERROR, status: String(status) })
    expect(response.statusCode).toBe(status)
  })

  test.each([
    ['{"userName":', 'application/scim+json', 400],
    ['userName=x', 'application/x-www-form-urlencoded', 415],
    ['<user/>', 'application/xml', 415],
    ['"text"', 'application/json', 400],
    [`{"userName":"${'x'.repeat(LIMITS.scimUserBytesMax)}"}`, 'application/json', 413],
  ])('a body %#', async (payload, type, status) => {
    const response = await service.app.inject({
      method: 'POST',
      url: '/scim/v2/Users',
      headers: { authorization: `Bearer ${client.token.token}`, 'content-type': type },
      payload,
    })
    expect(response.json()).toMatchObject({ schemas: ERROR, status: String(status) })
  })
})

// Member by member it would not be over within the time of the test.
test('a group of ten thousand is filled, read and left', { timeout: 180_000 }, async () => {
  await using own = await TestService.start()
  const entra = await TestScimClient.of(own)
  const { db } = own.deps
  const ids = Array.from({ length: LIMITS.scimMembersPerRequestMax }, () => randomUUID())
  const one = await insertTestUser(db, { source: 'scim' })
  const created_at = new Date()
  for (let start = 0; start < ids.length; start += 2000) {
    const some = ids.slice(start, start + 2000)
    await db
      .insertInto('principal')
      .values(some.map((id) => ({ id, type: 'user', created_at })))
      .execute()
    await db
      .insertInto('directory_user')
      .values(
        some.map((id) => ({
          id,
          user_principal_name: id,
          display_name: id,
          source: 'scim',
          created_at,
          updated_at: created_at,
        })),
      )
      .execute()
  }
  const everybody = await entra.group('Everybody')
  const path = `/Groups/${everybody.id}`
  const value = ids.map((id) => ({ value: id }))
  expect((await entra.patch(path, { op: 'Add', path: 'members', value })).statusCode).toBe(204)
  const { members } = await entra.show(path)
  expect(members).toHaveLength(ids.length)
  const tooMany = { op: 'Add', path: 'members', value: [...value, { value: one }] }
  const refused = await entra.patch(path, tooMany)
  expect(refused.json()).toMatchObject({ status: '400', scimType: 'tooMany' })
  expect((await entra.patch(path, { op: 'Replace', path: 'members', value: [] })).statusCode).toBe(
    204,
  )
  expect(await entra.show(path)).toMatchObject({ members: [] })
})
