/**
 * Goal: what somebody makes up as cursor or search is refused as his mistake; it never reaches the
 * database, which would refuse it as ours (500). Method: every list, every kind of nonsense.
 */

import { randomUUID } from 'node:crypto'
import { PERMISSIONS } from '@keydesk/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestPerson } from '../testing/test-person.ts'
import { insertTestGroup, insertTestUser } from '../testing/test-people.ts'
import { insertTestDevice, insertTestUnit } from '../testing/test-scopes.ts'
import { TestService } from '../testing/test-service.ts'

const GLOBAL_ADMINISTRATOR = '62e90394-69f5-4237-9190-012177145e10'
const DASHES = '-'.repeat(36)

/** Sort keys that are no list's. */
const FORGED: readonly (readonly unknown[])[] = [
  ['a', DASHES],
  ['a', 'g'.repeat(36)],
  ['a\0', randomUUID()],
  ['\ud800', randomUUID()],
  ['2026-01-01T00:00:00.000Z', DASHES],
  ['2026-01-01T00:00:00.000Z', randomUUID().toUpperCase()],
  ['active\0', 1],
  ['active', 1e300],
  ['active', 0.5],
]

const QUERIES: Readonly<Record<string, string>> = {
  '/api/v1/recovery-keys': 'keyId=00000000',
}

let service: TestService
let administrator: TestPerson
const parameters: Record<string, string> = {}
beforeAll(async () => {
  service = await TestService.start()
  const { db } = service.deps
  administrator = await TestPerson.create(service, { roleId: GLOBAL_ADMINISTRATOR })
  const device = await insertTestDevice(db)
  parameters[':deviceId'] = device
  parameters[':userId'] = await insertTestUser(db)
  parameters[':groupId'] = await insertTestGroup(db, [])
  parameters[':deviceSetId'] = await insertTestUnit(db, [device])
})
afterAll(async () => service[Symbol.asyncDispose]())

/** Every route that takes the query. */
async function routesTaking(query: string): Promise<string[]> {
  const routes: string[] = []
  for (const name of Object.keys(PERMISSIONS)) {
    if (!name.startsWith('GET /api/v1/')) continue
    const route = name.slice('GET '.length)
    const answers = [await get(route, query), await get(route, `${query}&noSuchName=1`)]
    // One that reads no query takes any.
    if (answers[0]?.statusCode === 200 && answers[1]?.statusCode === 400) routes.push(route)
  }
  return routes
}

async function get(route: string, query: string) {
  const path = route.replace(/:\w+/g, (name) => parameters[name] ?? randomUUID())
  const more = QUERIES[route]
  return await administrator.call('GET', `${path}?${more === undefined ? '' : `${more}&`}${query}`)
}

test.each(['+275760-09-13T00:00:00.000Z', '9999999-01-01', '1', 'Wed, 01 Jan 2026'])(
  'a list in order of time has no row of %s',
  async (at) => {
    const after = Buffer.from(JSON.stringify([at, randomUUID()])).toString('base64url')
    for (const route of ['/api/v1/exposures', '/api/v1/role-assignments', '/api/v1/rotations']) {
      const response = await get(route, `after=${after}`)
      expect(response.json()).toMatchObject({ status: 400, code: 'INVALID_REQUEST' })
    }
  },
)

test('no list takes a cursor that it did not give', async () => {
  const lists = await routesTaking('limit=1')
  expect(lists.length).toBeGreaterThan(15)
  for (const route of lists) {
    for (const key of FORGED) {
      const after = Buffer.from(JSON.stringify(key)).toString('base64url')
      const response = await get(route, `after=${after}`)
      const told = [route, key, response.statusCode, response.json<{ code?: string }>().code]
      expect(told).toEqual([route, key, 400, 'INVALID_REQUEST'])
    }
  }
})

test.each(['%00', 'a%00b', '%0A', '%C2%9B'])('nothing is searched by %s', async (search) => {
  const searched = await routesTaking('search=a')
  expect(searched.length).toBeGreaterThanOrEqual(4)
  for (const route of searched) {
    const response = await get(route, `search=${search}`)
    expect([route, response.json()]).toMatchObject([route, { code: 'INVALID_REQUEST' }])
  }
})

test('what a person looks for may be in any language', async () => {
  for (const route of await routesTaking('search=a')) {
    const response = await get(route, `search=${encodeURIComponent("Zoë's 会議室 💻")}`)
    expect([route, response.statusCode]).toEqual([route, 200])
  }
})
