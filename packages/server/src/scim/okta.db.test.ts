/** Okta's cycle, in the shapes that it really sends. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  OKTA_DEACTIVATE,
  OKTA_GROUP,
  OKTA_USER,
  oktaChangeMembers,
  oktaPushMembers,
  oktaRenameGroup,
  oktaReplace,
} from '../testing/okta-scim-requests.ts'
import { TestScimClient } from '../testing/test-scim-client.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
let okta: TestScimClient
beforeAll(async () => {
  service = await TestService.start()
  okta = await TestScimClient.of(service, 'Okta')
})
afterAll(async () => service[Symbol.asyncDispose]())

test('a user is looked for, made, replaced and deactivated', async () => {
  const query =
    '/Users?filter=userName%20eq%20%22test.user%40okta.example%22&startIndex=1&count=100'
  expect((await okta.send('GET', query)).json()).toMatchObject({ totalResults: 0, Resources: [] })

  const made = await okta.send('POST', '/Users', OKTA_USER, {
    'content-type': 'application/scim+json; charset=utf-8',
    accept: 'application/scim+json',
  })
  expect(made.statusCode).toBe(201)
  const user = made.json<{ id: string }>()
  const { userName, name, emails, displayName, externalId, active } = OKTA_USER
  expect(user).toMatchObject({ userName, name, emails, displayName, externalId, active })
  expect(made.body).not.toContain(OKTA_USER.password)
  expect((await okta.send('GET', query)).json()).toMatchObject({
    totalResults: 1,
    Resources: [{ id: user.id }],
  })

  const replaced = await okta.send('PUT', `/Users/${user.id}`, oktaReplace(user.id))
  expect(replaced.statusCode).toBe(200)
  expect(replaced.json()).toMatchObject({
    id: user.id,
    name: { givenName: 'Another', familyName: 'User' },
    emails: [{ value: 'another.user@okta.example' }],
    displayName: 'Another User',
    // Left out of the PUT, and kept: it is how Okta knows the user.
    externalId: OKTA_USER.externalId,
    active: true,
  })

  const deactivated = await okta.send('PATCH', `/Users/${user.id}`, OKTA_DEACTIVATE)
  expect(deactivated.json()).toMatchObject({ id: user.id, active: false })
  // An integration of the wizard's own sends PUT for everything.
  const enabled = await okta.send('PUT', `/Users/${user.id}`, oktaReplace(user.id))
  expect(enabled.json()).toMatchObject({ active: true })
  const off = oktaReplace(user.id, { active: false })
  expect((await okta.send('PUT', `/Users/${user.id}`, off)).json()).toMatchObject({ active: false })
})

test('a PUT without active does not enable anybody', async () => {
  const user = await okta.user('left.out@okta.example', { active: false })
  const response = await okta.send('PUT', `/Users/${user.id}`, {
    userName: 'left.out@okta.example',
  })
  expect(response.json()).toMatchObject({ active: false, displayName: 'left.out@okta.example' })
})

test('a group is pushed, renamed, filled and removed', async () => {
  const group = await okta.create('/Groups', OKTA_GROUP)
  const path = `/Groups/${group.id}`
  const [one, two] = [await okta.user('one@okta.example'), await okta.user('two@okta.example')]
  const members = [one, two].map(({ id }) => ({ value: id, display: 'somebody' }))

  const renamed = await okta.send('PATCH', path, oktaRenameGroup(group.id, 'Renamed'))
  expect(renamed.statusCode).toBe(204)
  await okta.send('PATCH', path, oktaPushMembers(members.slice(0, 1)))
  expect(await okta.show(path)).toMatchObject({
    displayName: 'Renamed',
    members: [{ value: one.id, display: 'one@okta.example', type: 'User' }],
  })

  const moved = { value: two.id, display: 'two@okta.example' }
  const changed = await okta.send('PATCH', path, oktaChangeMembers(one.id, moved))
  expect(changed.statusCode).toBe(204)
  expect(await okta.show(path)).toMatchObject({ members: [{ value: two.id }] })

  const put = await okta.send('PUT', path, { displayName: 'Put', members })
  expect(put.statusCode).toBe(200)
  expect(put.json<{ members: unknown[] }>().members).toHaveLength(2)
  const renamedByPut = await okta.send('PUT', path, { displayName: 'Put again' })
  expect(renamedByPut.json<{ members: unknown[] }>().members).toHaveLength(2)
  const emptied = await okta.send('PUT', path, { displayName: 'Put again', members: [] })
  expect(emptied.json()).toMatchObject({ members: [] })
  expect((await okta.send('DELETE', path)).statusCode).toBe(204)
})

test('an import reads every user once, a hundred at a time', async () => {
  await using own = await TestService.start()
  const client = await TestScimClient.of(own)
  for (let number = 0; number < 25; number += 1) await client.user(`user-${number}@okta.example`)
  const seen: string[] = []
  for (let startIndex = 1; startIndex <= 25; startIndex += 10) {
    const page = await client.list('/Users', { startIndex: String(startIndex), count: '10' })
    expect(page).toMatchObject({ totalResults: 25, startIndex })
    expect(page.itemsPerPage).toBe(page.Resources.length)
    seen.push(...page.Resources.map(({ userName }) => String(userName)))
  }
  const all = Array.from({ length: 25 }, (_, number) => `user-${number}@okta.example`)
  expect(seen.toSorted()).toEqual(all.toSorted())
  expect(await client.list('/Users', { count: '0' })).toMatchObject({
    totalResults: 25,
    itemsPerPage: 0,
    Resources: [],
  })
  const beyond = await client.list('/Users', { startIndex: '26' })
  expect(beyond).toMatchObject({ totalResults: 25, itemsPerPage: 0 })
  const negative = await client.list('/Users', { startIndex: '-3', count: '2' })
  expect(negative).toMatchObject({ startIndex: 1, itemsPerPage: 2 })
})
