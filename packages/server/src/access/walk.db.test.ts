/**
 * P8: every route of the committed table, walked by everybody: each built-in role and a custom one,
 * for everything, for the unit of the device, for the device itself, for another unit, by a group,
 * expired, denied, disabled; each with a device of his own; programs with each app role. A server
 * that listens answers, and its answers are compared with what the table and the roles say.
 *
 * A request that is let in goes no further than its body, which no route takes: so nothing that the
 * walk relies on changes under way.
 */

import { randomUUID } from 'node:crypto'
import { PERMISSIONS, type RoutePermission } from '@keydesk/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { insertTestUser } from '../testing/test-people.ts'
import { insertTestDevice } from '../testing/test-scopes.ts'
import { TestService } from '../testing/test-service.ts'
import { startTestSession } from '../testing/test-session.ts'
import {
  createWalkCallers,
  giveOwnDevices,
  mayAnywhere,
  mayEverywhere,
  mayOn,
  type WalkCaller,
} from '../testing/walk-callers.ts'
import { createWalkPlaces, giveOwner, type WalkPlaces } from '../testing/walk-places.ts'

const SEE_DEVICE = 'microsoft.directory/devices/standard/read'
const SEE_OWNERS = 'microsoft.directory/devices/registeredOwners/read'
const UNKNOWN_DEVICE = 'There is no device with this ID.'

const routes = (Object.entries(PERMISSIONS) as [string, RoutePermission][]).filter(
  // What anybody may call is no question of roles.
  ([, { audience }]) => audience !== 'everyone',
)

/** What the walk puts into paths. Anything else than the device is not there. */
const PARAMETERS = new Set([
  ':appId',
  ':credentialId',
  ':deviceId',
  ':deviceSetId',
  ':groupId',
  ':id',
  ':principalId',
  ':roleAssignmentId',
  ':roleId',
  ':sessionId',
  ':userId',
])

/** Routes that say no more than `letIn` without a query. */
const NEEDS_QUERY = new Set(['GET /api/v1/recovery-keys'])

/** Bodies of another type than JSON, which the routes refuse as firmly. */
const OTHER_BODIES: Readonly<Record<string, { readonly type: string; readonly text: string }>> =
  Object.fromEntries(
    ['users', 'groups', 'devices'].map((kind) => [
      `POST /api/v1/${kind}/import`,
      { type: 'text/csv', text: 'noFileHasThisColumn\nvalue\n' },
    ]),
  )
const JSON_BODY = { type: 'application/json', text: '{"noRouteHasThisField":true}' }

interface List {
  readonly route: string
  /** Held for a device, it lets him see the device there: any of them, or all of them. */
  readonly permissions: readonly string[]
  readonly needsAll?: true
  /** That lead to a device, of which the walk has made a row for every list. */
  readonly questions: (deviceId: string) => readonly Question[]
}

const MANY = { query: 'limit=200' }
const byDevice = (deviceId: string): Question[] => [MANY, { query: `deviceId=${deviceId}` }]

const LISTS: readonly List[] = [
  { route: 'GET /api/v1/devices', permissions: [SEE_DEVICE], questions: () => [MANY] },
  { route: 'GET /api/v1/devices/export', permissions: [SEE_DEVICE], questions: () => [{}] },
  {
    route: 'GET /api/v1/recovery-keys',
    permissions: ['microsoft.directory/bitlockerKeys/metadata/read'],
    questions: (deviceId) => [
      { query: `deviceId=${deviceId}` },
      { query: `keyId=${places.keys.get(deviceId)?.slice(0, 8)}` },
    ],
  },
  {
    route: 'GET /api/v1/exposures',
    permissions: ['keydesk/exposures/read'],
    questions: byDevice,
  },
  {
    route: 'GET /api/v1/rotations',
    permissions: ['keydesk/rotations/read'],
    questions: byDevice,
  },
  {
    route: 'GET /api/v1/users/:userId/devices',
    permissions: [SEE_DEVICE, SEE_OWNERS],
    needsAll: true,
    questions: () => [{ userId: places.ownerId }],
  },
  {
    route: 'GET /api/v1/approval-requests',
    permissions: ['keydesk/approvals/read', 'keydesk/approvals/decide'],
    questions: () => [MANY],
  },
]

type Answer = 'letIn' | 'forbidden' | 'unknownDevice' | 'unauthenticated'

let service: TestService
let places: WalkPlaces
let callers: readonly WalkCaller[]
/** Where the server listens. */
let address = ''
beforeAll(async () => {
  // How often somebody may ask is not the walk's question.
  service = await TestService.start({ lookUpRate: { count: 1_000_000, windowSeconds: 60 } })
  places = await createWalkPlaces(service)
  callers = await createWalkCallers(service, places)
  address = await service.app.listen({ host: '127.0.0.1', port: 0 })
}, 60_000)
afterAll(async () => service[Symbol.asyncDispose]())

/** What a list is asked: by its path or its query. */
interface Question {
  readonly query?: string
  readonly userId?: string
}

async function call(
  caller: WalkCaller,
  route: string,
  deviceId: string,
  { query, userId = randomUUID() }: Question = {},
) {
  const [method, pattern] = route.split(' ') as [
    'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    string,
  ]
  const values: Readonly<Record<string, string>> = { ':deviceId': deviceId, ':userId': userId }
  const path = pattern.replace(/:\w+/g, (name) => values[name] ?? randomUUID())
  const url = query === undefined ? path : `${path}?${query}`
  const hasBody = method !== 'GET' && method !== 'DELETE'
  const body = OTHER_BODIES[route] ?? JSON_BODY
  const response = await fetch(address + url, {
    method,
    redirect: 'manual',
    headers: { ...caller.headers, ...(hasBody ? { 'content-type': body.type } : {}) },
    ...(hasBody ? { body: body.text } : {}),
  })
  const text = await response.text()
  return {
    statusCode: response.status,
    headers: Object.fromEntries(response.headers),
    body: text,
    json: (): unknown => JSON.parse(text),
  }
}

async function walk(caller: WalkCaller, route: string, deviceId: string): Promise<Answer> {
  const response = await call(caller, route, deviceId)
  if (response.statusCode >= 500 || response.statusCode === 415) {
    throw new Error(`${route} answered ${response.body}; has it a body in OTHER_BODIES?`)
  }
  if (response.statusCode === 401) return 'unauthenticated'
  const { code, detail } =
    response.statusCode < 400 ? {} : (response.json() as Record<string, string>)
  if (code === 'FORBIDDEN' && detail?.startsWith('This needs the permission ') === true) {
    return 'forbidden'
  }
  if (code === 'NOT_FOUND' && detail === UNKNOWN_DEVICE) return 'unknownDevice'
  const isPlainRead = route.startsWith('GET ') && !/:(?!deviceId)/.test(route)
  if (isPlainRead && !NEEDS_QUERY.has(route) && response.statusCode !== 200) {
    throw new Error(`${route} let ${caller.name} in and then answered ${response.body}`)
  }
  return 'letIn'
}

/** By the table and the roles. `deviceId`: of a device that is there, or undefined. */
function expected(caller: WalkCaller, route: string, deviceId: string | undefined): Answer {
  const row = routes.find(([name]) => name === route)?.[1]
  if (row === undefined) throw new Error(`${route} is not in the table`)
  const { audience, permission, orPermission = permission } = row
  if (audience === 'provisioning' || caller.isDisabled) return 'unauthenticated'
  // A program's token is judged as a device request there, and is none.
  if (audience === 'device') return caller.type === 'app' ? 'unauthenticated' : 'forbidden'
  if (audience === 'user') return caller.type === 'user' ? 'letIn' : 'forbidden'
  if (audience === 'signedIn') return 'letIn'
  if (audience === 'directory') return mayEverywhere(caller, permission) ? 'letIn' : 'forbidden'
  const held = [permission, orPermission].filter((name) => mayAnywhere(caller, name))
  if (held.length === 0) return 'forbidden'
  if (!route.includes(':deviceId')) return 'letIn'
  if (deviceId === undefined) return 'unknownDevice'
  if (held.some((name) => mayOn(caller, name, deviceId))) return 'letIn'
  return mayOn(caller, SEE_DEVICE, deviceId) ? 'forbidden' : 'unknownDevice'
}

/** What self-service makes of a device is its rule, after the walk; tested below. */
function isOwnDeviceRoute(route: string): boolean {
  return route.includes('/me/') && route.includes(':deviceId')
}

describe('P8 Deny by default', () => {
  test('the walk knows every parameter of the table', () => {
    const unknown = routes
      .flatMap(([route]) => [...route.matchAll(/:\w+/g)].map(([name]) => ({ route, name })))
      .filter(({ name }) => !PARAMETERS.has(name))
    expect(unknown, 'say in PARAMETERS what the walk shall put there').toEqual([])
  })

  test.each(routes.filter(([route]) => !isOwnDeviceRoute(route)).map(([route]) => [route]))(
    '%s answers everybody as the table says',
    async (route) => {
      const targets = route.includes(':deviceId')
        ? [places.device, undefined, places.otherDevice]
        : [undefined]
      const wrong: string[] = []
      // Who was let in may have taken the owner away.
      await giveOwnDevices(service.deps.db, callers)
      for (const target of targets) {
        const answers = await Promise.all(
          callers.map(async (caller) => await walk(caller, route, target ?? randomUUID())),
        )
        for (const [index, caller] of callers.entries()) {
          const should = expected(caller, route, target)
          if (answers[index] !== should) {
            wrong.push(`${caller.name}: ${answers[index]}, should be ${should}`)
          }
        }
      }
      const owners = route.includes(':deviceId')
        ? callers.filter(({ ownDevice }) => ownDevice !== undefined)
        : []
      await Promise.all(
        owners.map(async (caller) => {
          // To own a device adds nothing to what a role gives, and takes nothing from it.
          const answer = await walk(caller, route, caller.ownDevice ?? '')
          const should = expected(caller, route, caller.ownDevice)
          if (answer !== should) wrong.push(`${caller.name}, its owner: ${answer}, not ${should}`)
        }),
      )
      expect(wrong).toEqual([])
    },
    60_000,
  )

  test('the walk meets every kind of answer, so it can fail', () => {
    const met = new Set(
      callers.flatMap((caller) => routes.map(([route]) => expected(caller, route, places.device))),
    )
    expect([...met].toSorted()).toEqual(['forbidden', 'letIn', 'unauthenticated', 'unknownDevice'])
    expect(callers.filter(({ ownDevice }) => ownDevice !== undefined).length).toBeGreaterThan(100)
  })
})

describe('existence is not revealed', () => {
  const named = routes.filter(
    ([route, { audience }]) => audience === 'devices' && route.includes(':deviceId'),
  )

  test.each(named.map(([route]) => [route]))(
    '%s answers alike for a device out of scope and for none',
    async (route) => {
      const blind = callers.filter(
        (caller) => expected(caller, route, places.device) === 'unknownDevice',
      )
      expect(blind.length).toBeGreaterThan(0)
      for (const caller of blind) {
        const [outOfScope, nowhere] = await Promise.all([
          call(caller, route, places.device),
          call(caller, route, randomUUID()),
        ])
        expect(anonymous(outOfScope)).toEqual(anonymous(nowhere))
        expect(Object.keys(outOfScope.headers)).toEqual(Object.keys(nowhere.headers))
      }
    },
  )

  const lists = routes.filter(
    ([route, { audience }]) =>
      audience === 'devices' && route.startsWith('GET ') && !route.includes(':deviceId'),
  )

  test('the lists of the table that name devices are all asked', () => {
    const asked = LISTS.map(({ route }) => route)
    expect(asked).toEqual(expect.arrayContaining(lists.map(([route]) => route)))
  })

  test.each(LISTS)(
    '$route names the devices in scope, and no other',
    async ({ route, permissions, needsAll = false, questions }) => {
      // The walk has taken the owners away, as those may who were let in.
      await giveOwner(service.deps.db, places)
      const wrong: string[] = []
      const met = new Set<string>()
      const admitted = callers.filter((one) => expected(one, route, undefined) === 'letIn')
      for (const id of [places.device, places.otherDevice]) {
        for (const question of questions(id)) {
          const answers = await Promise.all(
            admitted.map(async (caller) => await call(caller, route, '', question)),
          )
          for (const [index, caller] of admitted.entries()) {
            const isNamed = answers[index]?.body.includes(id) === true
            const held = permissions.filter((permission) => mayOn(caller, permission, id))
            const should = held.length >= (needsAll ? permissions.length : 1)
            met.add(should ? 'seen' : 'hidden')
            if (isNamed !== should) wrong.push(`${caller.name}: ${isNamed}, should be ${should}`)
          }
        }
      }
      expect(wrong).toEqual([])
      expect([...met].toSorted()).toEqual(['hidden', 'seen'])
    },
    60_000,
  )
})

describe('own devices', () => {
  const own = routes.filter(([route]) => isOwnDeviceRoute(route)).map(([route]) => [route])

  test.each(own)('%s is for the owner, and another’s device is not there', async (route) => {
    const { db } = service.deps
    const userId = await insertTestUser(db)
    const ownDevice = await insertTestDevice(db, { owner_id: userId })
    const { writes } = await startTestSession(service, userId)
    const owner = {
      name: 'owner',
      type: 'user',
      isDisabled: false,
      headers: writes,
      rights: [],
    } as const
    const answer = await call(owner, route, ownDevice)
    // The rules of self-service may say no; they never say that it is not there.
    expect([200, 403]).toContain(answer.statusCode)
    const administrator = callers.find(({ name }) => name.startsWith('Global Administrator for ev'))
    if (administrator === undefined) throw new Error('there is no administrator')
    for (const [caller, deviceId] of [
      [owner, places.device],
      [owner, randomUUID()],
      [administrator, ownDevice],
    ] as const) {
      const response = await call(caller, route, deviceId)
      expect(response.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    }
    // Whatever role somebody has, his own device is there for him and another's is not.
    await giveOwnDevices(db, callers)
    const wrong: string[] = []
    for (const caller of callers) {
      if (caller.ownDevice === undefined || caller.isDisabled) continue
      const mine = await call(caller, route, caller.ownDevice)
      const other = await call(caller, route, places.otherDevice)
      const isRight = [200, 403].includes(mine.statusCode) && other.statusCode === 404
      if (!isRight) wrong.push(`${caller.name}: own ${mine.statusCode}, other ${other.statusCode}`)
    }
    expect(wrong).toEqual([])
    // To own a device gives nothing of what roles give.
    const refused = await call(owner, 'GET /api/v1/devices/:deviceId', ownDevice)
    expect(refused.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  })
})

function anonymous(response: { readonly statusCode: number; json(): unknown }): unknown {
  return { ...(response.json() as object), requestId: undefined }
}
