/**
 * Effective access says what the server does: for random assignments, it is compared with the
 * server's answers to the people and the program that it is about.
 */

import { type DeviceAccessPage, type PrincipalAccess } from '@keydesk/contract'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AssignmentScope } from '../access/grants.ts'
import { loadPrincipal, type Credential } from '../access/load-principal.ts'
import { ACR_MFA } from '../access/step-up-acr.ts'
import { AppError } from '../errors.ts'
import { findKeyInReach } from '../recovery/find-key-in-reach.ts'
import { issueTestToken } from '../testing/issue-test-token.ts'
import { insertTestGroup } from '../testing/test-people.ts'
import { TestPerson } from '../testing/test-person.ts'
import {
  insertTestApp,
  insertTestAssignment,
  insertTestRole,
  insertTestUnit,
} from '../testing/test-scopes.ts'
import { TestService } from '../testing/test-service.ts'

const HELPDESK = '729827e3-9c14-49f7-bb1b-9608f156bbb8'
const GLOBAL_READER = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451'
const REPORTS_READER = '4a5d8f65-41da-4de4-8968-e035b65339cf'
const READ = 'microsoft.directory/devices/standard/read'
const ROTATE = 'keydesk/bitlockerKeys/rotate'
const WITH_APPROVAL = 'keydesk/bitlockerKeys/key/readWithApproval'
const RECORDS = 'microsoft.directory/auditLogs/allProperties/read'

let service: TestService
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => service[Symbol.asyncDispose]())

async function accessTo(deviceId: string, query = ''): Promise<DeviceAccessPage['items']> {
  const response = await service.admin(
    'GET',
    `/api/v1/devices/${deviceId}/access?limit=200${query}`,
  )
  expect(response.statusCode).toBe(200)
  return response.json<DeviceAccessPage>().items
}

interface World {
  readonly people: readonly TestPerson[]
  readonly groups: readonly string[]
  readonly app: { readonly id: string; readonly token: string }
  readonly devices: readonly string[]
  /** Key of each device. */
  readonly keys: readonly string[]
  readonly units: readonly string[]
  readonly roles: readonly string[]
}

async function createWorld(): Promise<World> {
  const { db } = service.deps
  const people = [
    await TestPerson.create(service),
    await TestPerson.create(service),
    await TestPerson.create(service),
  ]
  const ids = people.map(({ id }) => ({ id }))
  const groups = [
    await insertTestGroup(db, ids.slice(0, 2)),
    await insertTestGroup(db, ids.slice(1)),
  ]
  const tested = [await service.device(), await service.device(), await service.device()]
  const devices = tested.map(({ deviceId }) => deviceId)
  const keys: string[] = []
  for (const device of tested) keys.push((await device.escrowNew()).protectorId)
  const units = [
    await insertTestUnit(db, devices.slice(0, 2)),
    await insertTestUnit(db, devices.slice(1)),
  ]
  const appId = await insertTestApp(db, { app_roles: ['device.read.all'] })
  const customs = [await insertTestRole(db, [ROTATE]), await insertTestRole(db, [WITH_APPROVAL])]
  const token = await issueTestToken(service.deps, service.app, appId)
  const roles = [HELPDESK, GLOBAL_READER, REPORTS_READER, ...customs]
  return { people, groups, app: { id: appId, token }, devices, keys, units, roles }
}

/** Places in the lists of the world. */
const randomAssignment = fc.record({
  principal: fc.nat(5),
  role: fc.nat(4),
  effect: fc.constantFrom('allow', 'allow', 'deny'),
  scope: fc.nat(5),
  isOver: fc.boolean(),
})
type RandomAssignment = typeof randomAssignment extends fc.Arbitrary<infer T> ? T : never

const FOR_EVERYTHING = { effect: 'allow', scope: 0, isOver: false } as const
/** One who is shown keys at once and one with approval only, whatever chance brings. */
const SOME_OF_EACH: RandomAssignment[] = [
  { principal: 0, role: 0, ...FOR_EVERYTHING },
  { principal: 1, role: 4, ...FOR_EVERYTHING },
]

async function give(world: World, given: readonly RandomAssignment[]): Promise<void> {
  const { db, clock } = service.deps
  const principals = [...world.people.map(({ id }) => id), ...world.groups, world.app.id]
  await db.deleteFrom('role_assignment').where('principal_id', 'in', principals).execute()
  const scopes: AssignmentScope[] = [
    { type: 'directory' },
    ...world.units.map((id) => ({ type: 'administrativeUnit' as const, id })),
    ...world.devices.map((id) => ({ type: 'device' as const, id })),
  ]
  for (const { principal, role, effect, scope, isOver } of given) {
    await insertTestAssignment(db, {
      principalId: principals[principal] ?? '',
      roleId: world.roles[role] ?? '',
      effect: effect === 'deny' ? 'deny' : 'allow',
      scope: scopes[scope] ?? { type: 'directory' },
      expiresAt: isOver ? clock.now() : undefined,
    })
  }
}

/** Whether the server lets in: 400 is about the body, which comes after. */
async function isLetIn(
  world: World,
  principalId: string,
  method: 'GET' | 'POST',
  url: string,
): Promise<boolean> {
  const body = method === 'POST' ? { noSuchField: true } : undefined
  const person = world.people.find(({ id }) => id === principalId)
  const response =
    person === undefined
      ? await service.app.inject({
          method,
          url,
          headers: {
            authorization: `Bearer ${world.app.token}`,
            'content-type': 'application/json',
          },
          ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
        })
      : await person.call(method, url, body)
  return response.statusCode === 200 || response.statusCode === 400
}

/** How the decision itself lets him be shown the key. */
async function wayTo(world: World, id: string, recoveryKeyId: string): Promise<string> {
  const issuedAt = service.deps.clock.now()
  const credential: Credential =
    id === world.app.id
      ? { type: 'app', appId: id, appRoles: undefined, issuedAt }
      : {
          type: 'user',
          userId: id,
          authenticatedAt: issuedAt,
          methods: [],
          acr: ACR_MFA,
          sessionId: undefined,
          scopes: undefined,
          issuedAt,
        }
  const loaded = await loadPrincipal(service.deps, credential)
  if (loaded === undefined) throw new Error('not signed in')
  try {
    const key = await findKeyInReach(service.deps, loaded.actor, { recoveryKeyId })
    return key.needs_approval ? 'withApproval' : 'atOnce'
  } catch (error) {
    if (error instanceof AppError && error.code === 'NOT_FOUND') return 'none'
    throw error
  }
}

/** The same as effective access tells it. */
function toldWay(items: DeviceAccessPage['items'], id: string): string {
  const about = items.find(({ principal }) => principal.id === id)
  if (about?.isAllowed !== true) return 'none'
  return about.onlyWithApproval === true ? 'withApproval' : 'atOnce'
}

async function compareKeys(world: World, id: string): Promise<Set<string>> {
  const met = new Set<string>()
  for (const [index, deviceId] of world.devices.entries()) {
    const way = await wayTo(world, id, world.keys[index] ?? '')
    expect(toldWay(await accessTo(deviceId), id)).toBe(way)
    const told = toldWay(await accessTo(deviceId, `&permission=${WITH_APPROVAL}`), id)
    // Whoever holds that may be shown the key, at once if he holds more.
    expect([told, way]).not.toEqual(['atOnce', 'none'])
    met.add(way)
  }
  return met
}

async function compare(world: World): Promise<void> {
  const principalIds = [...world.people.map(({ id }) => id), world.app.id]
  for (const deviceId of world.devices) {
    const readers = await accessTo(deviceId, `&permission=${READ}`)
    const rotators = await accessTo(deviceId, `&permission=${ROTATE}`)
    const says = (items: DeviceAccessPage['items'], id: string): boolean =>
      items.some(({ principal, isAllowed }) => principal.id === id && isAllowed)
    for (const id of principalIds) {
      const url = `/api/v1/devices/${deviceId}`
      expect(says(readers, id)).toBe(await isLetIn(world, id, 'GET', url))
      expect(says(rotators, id)).toBe(await isLetIn(world, id, 'POST', `${url}/rotations`))
    }
  }
  for (const id of principalIds) {
    const kind = id === world.app.id ? 'apps' : 'users'
    const response = await service.admin('GET', `/api/v1/${kind}/${id}/access`)
    const { permissions } = response.json<PrincipalAccess>()
    const reach = (name: string): string =>
      permissions.find(({ permission }) => permission === name)?.reach ?? 'nothing'
    const records = await isLetIn(world, id, 'GET', '/api/v1/audit/entries')
    expect(reach(RECORDS) === 'everything').toBe(records)
    const list = await isLetIn(world, id, 'GET', '/api/v1/devices')
    expect(reach(READ) !== 'nothing').toBe(list)
  }
}

test('what effective access says is what the server does, whatever the assignments', async () => {
  const world = await createWorld()
  const assignments = fc.uniqueArray(randomAssignment, {
    maxLength: 8,
    selector: ({ principal, role, effect, scope }) => `${principal} ${role} ${effect} ${scope}`,
  })
  let compared = 0
  const met = new Set<string>()
  await fc.assert(
    fc.asyncProperty(assignments, async (given) => {
      await give(world, given)
      await compare(world)
      for (const id of [...world.people.map((person) => person.id), world.app.id]) {
        for (const way of await compareKeys(world, id)) met.add(way)
      }
      compared++
    }),
    { numRuns: 25, examples: [[SOME_OF_EACH]] },
  )
  expect(compared).toBe(25)
  expect([...met].toSorted()).toEqual(['atOnce', 'none', 'withApproval'])
}, 60_000)
