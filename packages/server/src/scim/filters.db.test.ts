/** What lists are asked for: filters and parts of resources, and what somebody hides in them. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestScimClient } from '../testing/test-scim-client.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
let client: TestScimClient
let groupId: string
let aliceId: string
beforeAll(async () => {
  service = await TestService.start()
  client = await TestScimClient.of(service)
  const alice = await client.user('alice@keydesk.example', {
    displayName: 'Alice "A" 100%_',
    externalId: 'Ext-1',
    name: { givenName: 'Alice', familyName: 'Archer' },
    emails: [{ value: 'Alice.Archer@keydesk.example', type: 'work', primary: true }],
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { department: 'Research' },
  })
  aliceId = alice.id
  service.deps.clock.advance(3600)
  await client.user('bob@keydesk.example', { displayName: 'Bob', active: false })
  service.deps.clock.advance(1)
  await client.user('carol@keydesk.example', { displayName: 'Carol', externalId: 'ext-1' })
  groupId = (await client.group('Archers', [aliceId])).id
})
afterAll(async () => service[Symbol.asyncDispose]())

async function names(filter: string): Promise<string[]> {
  const { Resources, totalResults } = await client.list('/Users', { filter })
  expect(totalResults).toBe(Resources.length)
  return Resources.map(({ userName }) => String(userName).replace('@keydesk.example', ''))
}

describe('a filter finds', () => {
  test.each([
    ['userName eq "alice@keydesk.example"', 'alice'],
    ['USERNAME EQ "ALICE@keydesk.example"', 'alice'],
    ['urn:ietf:params:scim:schemas:core:2.0:User:userName eq "alice@keydesk.example"', 'alice'],
    [
      'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "research"',
      'alice',
    ],
    ['externalId eq "ext-1"', 'carol'],
    ['externalId eq "Ext-1"', 'alice'],
    ['emails[type eq "work"].value eq "alice.archer@keydesk.example"', 'alice'],
    ['emails[type eq "work" and value co "ARCHER"]', 'alice'],
    ['emails.value sw "alice"', 'alice'],
    ['emails[type eq "home"].value eq "alice.archer@keydesk.example"', ''],
    ['displayName eq "Alice \\"A\\" 100%_"', 'alice'],
    ['displayName co "%_"', 'alice'],
    ['displayName co "_"', 'alice'],
    ['name.familyName pr', 'alice'],
    ['not (name.familyName pr)', 'bob carol'],
    ['not (name.familyName eq "Archer")', 'bob carol'],
    ['name.familyName ne "Archer"', 'bob carol'],
    ['active eq true', 'alice carol'],
    ['active eq "False"', 'bob'],
    ['userName sw "b" or userName sw "c" and active eq true', 'bob carol'],
    ['(userName sw "b" or userName sw "c") and active eq true', 'carol'],
    ['id eq "nothing"', ''],
    ['userName ew ".example"', 'alice bob carol'],
  ])('%s', async (filter, expected) => {
    expect((await names(filter)).join(' ')).toBe(expected)
  })

  test('by ID and by time', async () => {
    expect(await names(`id eq "${aliceId.toUpperCase()}"`)).toEqual(['alice'])
    const since = new Date(service.deps.clock.now().getTime() - 60_000).toISOString()
    expect(await names(`meta.lastModified ge "${since}"`)).toEqual(['bob', 'carol'])
    expect(await names(`meta.created lt "${since}"`)).toEqual(['alice'])
  })

  test('groups by their members', async () => {
    const { Resources } = await client.list('/Groups', { filter: `members[value eq "${aliceId}"]` })
    expect(Resources.map(({ id }) => id)).toEqual([groupId])
    const none = await client.list('/Groups', { filter: `members.value eq "${groupId}"` })
    expect(none.totalResults).toBe(0)
  })
})

describe('what is hidden in a filter is not obeyed', () => {
  test.each([
    `userName eq "x' or '1'='1"`,
    `userName eq "x'; drop table directory_user; --"`,
    String.raw`userName eq "\\' or true --"`,
    `displayName co "') or ('1'='1"`,
  ])('%s finds nobody', async (filter) => {
    expect(await client.list('/Users', { filter })).toMatchObject({ totalResults: 0 })
    expect(await client.list('/Users')).toMatchObject({ totalResults: 3 })
  })

  test.each([
    ['an unknown attribute', 'password eq "x"'],
    ['a column', 'user_principal_name eq "x"'],
    ['an inherited name', 'constructor eq "x"'],
    ['an inherited operator', 'userName eq "x" constructor userName eq "y"'],
    ['SQL instead of a name', '1=1'],
    ['half a filter', 'userName eq'],
    ['an open bracket', '(userName eq "x"'],
    ['something after it', 'userName eq "x" userName'],
    ['a number for a text', 'userName eq 7'],
    ['null', 'userName eq null'],
    ['an operator that is not of SCIM', 'userName like "x"'],
    ['an order of texts', 'userName gt "x"'],
    ['a time that is none', 'meta.lastModified gt "yesterday"'],
    ['a filter in a filter', 'emails[value[type eq "x"]]'],
    ['NUL', 'userName eq "a\0b"'],
    ['a thousand brackets', `${'('.repeat(1000)}userName pr`],
    ['too much', `userName eq "${'x'.repeat(2048)}"`],
  ])('%s is invalidFilter', async (_, filter) => {
    const response = await client.send('GET', `/Users?filter=${encodeURIComponent(filter)}`)
    const { statusCode } = response
    const { scimType } = response.json<{ scimType: string }>()
    expect([statusCode, scimType]).toEqual([
      400,
      filter.length > 2048 ? 'invalidValue' : 'invalidFilter',
    ])
    expect(response.body).not.toContain('xxx')
  })
})

describe('parts of a resource', () => {
  test('only what is asked for, with schemas and id', async () => {
    const { Resources } = await client.list('/Users', {
      filter: 'userName sw "alice"',
      attributes: 'USERNAME,name.familyName,emails.value',
    })
    expect(Resources).toEqual([
      {
        schemas: expect.any(Array) as unknown,
        id: aliceId,
        userName: 'alice@keydesk.example',
        name: { familyName: 'Archer' },
        emails: [{ value: 'Alice.Archer@keydesk.example' }],
      },
    ])
  })

  test('without what is not wanted, but never without the ID', async () => {
    const path = `/Users/${aliceId}?excludedAttributes=emails,name.givenName,id,groups,meta`
    const user = await client.show(path)
    expect(Object.keys(user)).not.toEqual(expect.arrayContaining(['emails']))
    expect(user).toMatchObject({ id: aliceId, name: { familyName: 'Archer' } })
    for (const name of ['emails', 'groups', 'meta']) expect(user).not.toHaveProperty(name)
    expect(user['name']).not.toHaveProperty('givenName')
  })

  test('sortBy is ignored', async () => {
    const sorted = await client.list('/Users', { sortBy: 'userName', sortOrder: 'descending' })
    expect(sorted.Resources.map(({ displayName }) => displayName)).toEqual(
      (await client.list('/Users')).Resources.map(({ displayName }) => displayName),
    )
  })

  test.each([
    ['startIndex', 'one'],
    ['count', '1.5'],
  ])('%s that is no whole number is invalidValue', async (name, value) => {
    const response = await client.send('GET', `/Users?${name}=${value}`)
    expect(response.json()).toMatchObject({ status: '400', scimType: 'invalidValue' })
  })
})
