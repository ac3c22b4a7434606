/** The cycle of Microsoft Entra's provisioning service, in the shapes that it really sends. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ENTRA_DISABLE,
  ENTRA_DISABLE_WITH_FLAG,
  ENTRA_ENABLE,
  ENTRA_GROUP,
  ENTRA_RENAME_GROUP,
  ENTRA_UPDATE,
  ENTRA_UPDATE_WITH_FLAG,
  ENTRA_USER,
  entraAddMember,
  entraRemoveMember,
  entraRemoveMemberWithFlag,
} from '../testing/entra-scim-requests.ts'
import { TestScimClient } from '../testing/test-scim-client.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
let entra: TestScimClient
beforeAll(async () => {
  service = await TestService.start()
  entra = await TestScimClient.of(service)
})
afterAll(async () => service[Symbol.asyncDispose]())

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

test('Test Connection: a user who does not exist is an empty list', async () => {
  const response = await entra.send(
    'GET',
    '/Users?aadOptscim062020&filter=userName+eq+%22d2a4f8e0-nobody%22',
  )
  expect(response.statusCode).toBe(200)
  expect(response.headers['content-type']).toContain('application/scim+json')
  expect(response.json()).toEqual({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: 0,
    startIndex: 1,
    itemsPerPage: 0,
    Resources: [],
  })
})

test('a user is found, made, read, changed, disabled, enabled and deleted', async () => {
  const byName = { filter: `userName eq "${ENTRA_USER.userName}"` }
  expect(await entra.list('/Users', byName)).toMatchObject({ totalResults: 0, Resources: [] })

  const made = await entra.send('POST', '/Users', ENTRA_USER)
  expect(made.statusCode).toBe(201)
  const user = made.json<{ id: string; meta: { location: string; version: string } }>()
  expect(made.headers).toMatchObject({ location: user.meta.location, etag: user.meta.version })
  const { externalId, userName, emails } = ENTRA_USER
  expect(user).toMatchObject({ externalId, userName, emails, active: true })
  expect(user).toMatchObject({
    name: ENTRA_USER.name,
    displayName: 'givenName familyName',
    [ENTERPRISE]: { department: 'Research' },
    meta: { resourceType: 'User', location: `https://keydesk.example/scim/v2/Users/${user.id}` },
  })
  for (const notKept of ['addresses', 'phoneNumbers', 'title', 'roles']) {
    expect(user).not.toHaveProperty(notKept)
  }

  expect(await entra.show(`/Users/${user.id}`)).toEqual({ ...user, groups: [] })
  const filter = `emails[type eq "work"].value eq "${emails[0].value}"`
  const found = await entra.list('/Users', { filter })
  expect(found.Resources.map(({ id }) => id)).toEqual([user.id])

  const updated = await entra.send('PATCH', `/Users/${user.id}`, ENTRA_UPDATE)
  expect(updated.statusCode).toBe(200)
  expect(updated.json()).toMatchObject({
    displayName: 'Ada Byron',
    emails: [{ value: 'ada@keydesk.example', type: 'work', primary: true }],
    name: { givenName: 'Ada', familyName: 'Byron', formatted: 'Ada Byron' },
    externalId: 'changed-external-id',
    [ENTERPRISE]: { department: 'Engines' },
  })
  const again = await entra.send('PATCH', `/Users/${user.id}`, ENTRA_UPDATE_WITH_FLAG)
  expect(again.json()).toMatchObject({
    displayName: 'Grace Hopper',
    emails: [{ value: 'grace@keydesk.example' }],
    name: { givenName: 'Grace', familyName: 'Hopper' },
    [ENTERPRISE]: { department: 'Compilers' },
  })

  const disabled = await entra.send('PATCH', `/Users/${user.id}`, ENTRA_DISABLE)
  expect(disabled.json()).toMatchObject({ active: false })
  // A disabled user is still there: only a deleted one is not.
  expect(await entra.list('/Users', byName)).toMatchObject({ totalResults: 1 })
  const enabled = await entra.send('PATCH', `/Users/${user.id}`, ENTRA_ENABLE)
  expect(enabled.json()).toMatchObject({ active: true })
  const disabledAgain = await entra.send('PATCH', `/Users/${user.id}`, ENTRA_DISABLE_WITH_FLAG)
  expect(disabledAgain.json()).toMatchObject({ active: false })

  const deleted = await entra.send('DELETE', `/Users/${user.id}`)
  expect([deleted.statusCode, deleted.body]).toEqual([204, ''])
  for (const method of ['GET', 'DELETE'] as const) {
    const gone = await entra.send(method, `/Users/${user.id}`)
    expect(gone.json()).toEqual({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      status: '404',
      detail: 'There is no user with this ID.',
    })
  }
  expect(await entra.list('/Users', byName)).toMatchObject({ totalResults: 0 })
  const anew = await entra.create('/Users', ENTRA_USER)
  expect(anew.id).not.toBe(user.id)
})

test('a group is found, made, read without its members, changed and deleted', async () => {
  const byName = { excludedAttributes: 'members', filter: 'displayName eq "Helpdesk"' }
  expect(await entra.list('/Groups', byName)).toMatchObject({ totalResults: 0 })

  const made = await entra.send('POST', '/Groups', ENTRA_GROUP)
  expect(made.statusCode).toBe(201)
  const group = made.json<{ id: string }>()
  expect(group).toMatchObject({
    externalId: ENTRA_GROUP.externalId,
    displayName: 'Helpdesk',
    members: [],
    meta: { resourceType: 'Group' },
  })
  const path = `/Groups/${group.id}`
  const [ada, grace] = [await entra.user('ada.member'), await entra.user('grace.member')]

  for (const { id } of [ada, grace]) {
    const added = await entra.send('PATCH', path, entraAddMember(id))
    expect([added.statusCode, added.body]).toEqual([204, ''])
  }
  const listed = await entra.list('/Groups', byName)
  expect(listed.Resources).toHaveLength(1)
  expect(listed.Resources[0]).not.toHaveProperty('members')
  expect(await entra.show(`${path}?excludedAttributes=members`)).not.toHaveProperty('members')
  expect(memberIds(await entra.show(path))).toEqual([ada.id, grace.id].toSorted())
  expect(await entra.show(`/Users/${ada.id}`)).toMatchObject({
    groups: [{ value: group.id, display: 'Helpdesk' }],
  })

  await entra.send('PATCH', path, entraRemoveMember(ada.id))
  expect(memberIds(await entra.show(path))).toEqual([grace.id])
  const filter = `id eq "${group.id}" and members eq "${grace.id}"`
  expect(await entra.list('/Groups', { attributes: 'id', filter })).toMatchObject({
    totalResults: 1,
    Resources: [{ id: group.id }],
  })
  await entra.send('PATCH', path, entraRemoveMemberWithFlag(grace.id))
  expect(memberIds(await entra.show(path))).toEqual([])

  const renamed = await entra.send('PATCH', path, ENTRA_RENAME_GROUP)
  expect(renamed.statusCode).toBe(204)
  expect(await entra.show(path)).toMatchObject({ displayName: 'Service desk' })
  expect((await entra.send('DELETE', path)).statusCode).toBe(204)
  expect((await entra.send('GET', path)).json()).toMatchObject({
    status: '404',
    detail: 'There is no group with this ID.',
  })
})

describe('what its validator looks at', () => {
  test('the same user twice is 409 uniqueness, in any case of letters', async () => {
    await entra.user('isaac@keydesk.example')
    const again = await entra.send('POST', '/Users', { userName: 'ISAAC@keydesk.example' })
    expect(again.statusCode).toBe(409)
    expect(again.json()).toEqual({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      status: '409',
      scimType: 'uniqueness',
      detail: 'There is another user with this name.',
    })
  })

  test('the same group twice is 409 uniqueness', async () => {
    await entra.group('Twice')
    const again = await entra.send('POST', '/Groups', { displayName: 'twice' })
    expect(again.json()).toMatchObject({ status: '409', scimType: 'uniqueness' })
  })

  test('a name that another user has is refused in a PATCH too, and nothing is changed', async () => {
    await entra.user('taken@keydesk.example')
    const user = await entra.user('free@keydesk.example')
    const response = await entra.patch(
      `/Users/${user.id}`,
      { op: 'Replace', path: 'displayName', value: 'Changed' },
      { op: 'Replace', path: 'userName', value: 'taken@keydesk.example' },
    )
    expect(response.json()).toMatchObject({ status: '409', scimType: 'uniqueness' })
    expect(await entra.show(`/Users/${user.id}`)).toMatchObject(user)
  })

  test('schemas, resource types and what is supported can be read', async () => {
    const schemas = await entra.list('/Schemas')
    expect(schemas).toMatchObject({ totalResults: 3, itemsPerPage: 3, startIndex: 1 })
    const [user] = schemas.Resources
    expect(user).toMatchObject({ id: 'urn:ietf:params:scim:schemas:core:2.0:User' })
    expect(await entra.show(`/Schemas/${user?.id}`)).toEqual(user)
    expect(await entra.list('/ResourceTypes')).toMatchObject({
      Resources: [
        { id: 'User', endpoint: '/Users' },
        { id: 'Group', endpoint: '/Groups' },
      ],
    })
    expect(await entra.show('/ServiceProviderConfig')).toMatchObject({
      patch: { supported: true },
      bulk: { supported: false },
      filter: { supported: true, maxResults: 200 },
      etag: { supported: true },
    })
  })
})

function memberIds(group: { readonly [attribute: string]: unknown }): string[] {
  return (group['members'] as { value: string }[]).map(({ value }) => value).toSorted()
}
