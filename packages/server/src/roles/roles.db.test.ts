/** Roles and their assignments over the API, as somebody who wants more than he has meets them. */

import { randomUUID } from 'node:crypto'
import {
  BUILT_IN_ROLES,
  GLOBAL_ADMINISTRATOR,
  type Role,
  type RoleAssignment,
  type RoleAssignmentPage,
  type RolePage,
} from '@keydesk/contract'
import type { LightMyRequestResponse } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { insertTestGroup, insertTestUser } from '../testing/test-people.ts'
import {
  insertTestApp,
  insertTestAssignment,
  insertTestDevice,
  insertTestUnit,
} from '../testing/test-scopes.ts'
import { TestService } from '../testing/test-service.ts'
import { startTestSession, type TestSession } from '../testing/test-session.ts'

const HELPDESK = '729827e3-9c14-49f7-bb1b-9608f156bbb8'
const READ_DEVICES = 'microsoft.directory/devices/standard/read'
const MAKE_ROLES = 'microsoft.directory/roleDefinitions/allProperties/allTasks'

let service: TestService
let administratorId: string
let administrator: TestSession
beforeAll(async () => {
  service = await TestService.start()
  administratorId = await insertTestUser(service.deps.db)
  await give(administratorId, GLOBAL_ADMINISTRATOR)
  administrator = await startTestSession(service, administratorId)
})
afterAll(async () => service[Symbol.asyncDispose]())

async function give(principalId: string, roleId: string): Promise<string> {
  return await insertTestAssignment(service.deps.db, { principalId, roleId })
}

async function send(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  url: string,
  body?: object,
  as: TestSession = administrator,
): Promise<LightMyRequestResponse> {
  return await service.app.inject({
    method,
    url,
    headers: {
      ...as.writes,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  })
}

async function makeRole(permissions: readonly string[], more: object = {}): Promise<Role> {
  const displayName = `role-${randomUUID()}`
  const response = await send('POST', '/api/v1/roles', { displayName, permissions, ...more })
  expect(response.statusCode).toBe(201)
  return response.json<Role>()
}

async function assign(more: object): Promise<LightMyRequestResponse> {
  return await send('POST', '/api/v1/role-assignments', {
    roleId: HELPDESK,
    scope: '/',
    ...more,
  })
}

/** A person whose custom role may make roles, and nothing else. */
async function roleMaker(): Promise<{ session: TestSession; role: Role }> {
  const role = await makeRole([MAKE_ROLES])
  const id = await insertTestUser(service.deps.db)
  await give(id, role.id)
  return { session: await startTestSession(service, id), role }
}

test('the built-in roles are listed first, with Entra’s IDs, and cannot be changed', async () => {
  const page = (await send('GET', '/api/v1/roles')).json<RolePage>()
  expect(page.items.slice(0, BUILT_IN_ROLES.length).map(({ id }) => id)).toEqual(
    BUILT_IN_ROLES.map(({ id }) => id),
  )
  const url = `/api/v1/roles/${GLOBAL_ADMINISTRATOR}`
  expect((await send('GET', url)).json()).toMatchObject({
    displayName: 'Global Administrator',
    isBuiltIn: true,
  })
  for (const response of [
    await send('PATCH', url, { permissions: [READ_DEVICES] }),
    await send('DELETE', url),
  ]) {
    expect(response.json()).toMatchObject({
      code: 'FORBIDDEN',
      detail: 'Built-in roles cannot be changed. Make a custom role.',
    })
  }
})

test.each([
  ['a permission that does not exist', ['microsoft.directory/devices/standard/reed']],
  ['what a device may do for itself', ['keydesk/ownDevice/keys/escrow']],
  ['what whoever signed in may do for himself', ['keydesk/me/bitlockerKeys/key/read']],
  ['what SCIM’s tokens may do', ['keydesk/provisioning/use']],
  ['nothing', []],
  ['the same permission twice', [READ_DEVICES, READ_DEVICES]],
])('a role cannot give %s', async (_, permissions) => {
  const response = await send('POST', '/api/v1/roles', { displayName: 'no', permissions })
  expect(response.json()).toMatchObject({ status: 400, code: 'INVALID_REQUEST' })
})

test('a custom role works from the next request on, and what it loses is gone at once', async () => {
  const role = await makeRole([READ_DEVICES], { description: 'Sees PCs' })
  const id = await insertTestUser(service.deps.db)
  await give(id, role.id)
  const session = await startTestSession(service, id)
  const list = async () => (await send('GET', '/api/v1/devices', undefined, session)).statusCode
  expect(await list()).toBe(200)
  const changed = await send('PATCH', `/api/v1/roles/${role.id}`, {
    permissions: ['keydesk/exposures/read'],
    description: null,
  })
  expect(changed.json<Role>()).toMatchObject({ permissions: ['keydesk/exposures/read'] })
  expect(changed.json<Role>().description).toBeUndefined()
  expect(await list()).toBe(403)
})

test('a name is taken in any case of letters, by built-in roles too', async () => {
  const { displayName } = await makeRole([READ_DEVICES])
  for (const name of [displayName.toUpperCase(), 'GLOBAL administrator']) {
    const body = { displayName: name, permissions: [READ_DEVICES] }
    expect((await send('POST', '/api/v1/roles', body)).json()).toMatchObject({
      code: 'NAME_TAKEN',
      detail: 'Another role has this name. Choose another one.',
    })
  }
})

test('roles made under one name at the same moment: one is made', async () => {
  const body = { displayName: `role-${randomUUID()}`, permissions: [READ_DEVICES] }
  const statuses = await Promise.all(
    Array.from({ length: 6 }, async () => (await send('POST', '/api/v1/roles', body)).statusCode),
  )
  expect(statuses.toSorted((a, b) => a - b)).toEqual([201, 409, 409, 409, 409, 409])
})

test('a role in use cannot be deleted, one that is not can', async () => {
  const role = await makeRole([READ_DEVICES])
  const assignmentId = await give(administratorId, role.id)
  const url = `/api/v1/roles/${role.id}`
  expect((await send('DELETE', url)).json()).toMatchObject({
    code: 'IN_USE',
    detail:
      'The role is named by 1 role assignments and 0 budgets and approval rules. Remove them first.',
  })
  expect((await send('DELETE', `/api/v1/role-assignments/${assignmentId}`)).statusCode).toBe(204)
  expect((await send('DELETE', url)).statusCode).toBe(204)
  expect((await send('GET', url)).json()).toMatchObject({ code: 'NOT_FOUND' })
})

test('whoever may only make roles cannot widen his own, nor give one', async () => {
  const { session, role } = await roleMaker()
  const wider = { permissions: [MAKE_ROLES, 'microsoft.directory/bitlockerKeys/key/read'] }
  const refused = await send('PATCH', `/api/v1/roles/${role.id}`, wider, session)
  expect(refused.json()).toMatchObject({
    code: 'FORBIDDEN',
    detail: expect.stringContaining('Somebody holds this role') as string,
  })
  // A name is no right, and a role that nobody holds gives nothing.
  const renamed = { displayName: `role-${randomUUID()}` }
  expect((await send('PATCH', `/api/v1/roles/${role.id}`, renamed, session)).statusCode).toBe(200)
  const unused = await makeRole([READ_DEVICES])
  expect((await send('PATCH', `/api/v1/roles/${unused.id}`, wider, session)).statusCode).toBe(200)
  const body = { principalId: administratorId, roleId: unused.id, scope: '/' }
  const given = await send('POST', '/api/v1/role-assignments', body, session)
  expect(given.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
})

test('whoever may give roles for one unit only may give none', async () => {
  const device = await insertTestDevice(service.deps.db)
  const unit = await insertTestUnit(service.deps.db, [device])
  const id = await insertTestUser(service.deps.db)
  await insertTestAssignment(service.deps.db, {
    principalId: id,
    roleId: 'e8611ab8-c189-46e8-94e1-60213ab1f814',
    scope: { type: 'administrativeUnit', id: unit },
  })
  const session = await startTestSession(service, id)
  const body = { principalId: id, roleId: HELPDESK, scope: `/administrativeUnits/${unit}` }
  const response = await send('POST', '/api/v1/role-assignments', body, session)
  expect(response.json()).toMatchObject({
    code: 'FORBIDDEN',
    detail:
      'This needs the permission microsoft.directory/roleAssignments/allProperties/allTasks for the whole directory.',
  })
})

test('users, groups and apps are assigned roles for all, a unit or a device; names are told', async () => {
  const { db } = service.deps
  const device = await insertTestDevice(db, { name: 'PC-RECEPTION' })
  const unit = await insertTestUnit(db, [device])
  const user = await insertTestUser(db, { display_name: 'Bo' })
  const group = await insertTestGroup(db, [{ id: user }])
  const app = await insertTestApp(db)
  const made = [
    await assign({ principalId: user, scope: '/' }),
    await assign({ principalId: group, scope: `/administrativeUnits/${unit}`, effect: 'deny' }),
    await assign({ principalId: app, scope: `/devices/${device}` }),
  ].map((response) => response.json<RoleAssignment>())
  expect(made).toMatchObject([
    { principal: { id: user, type: 'user', displayName: 'Bo' }, effect: 'allow', scope: '/' },
    { principal: { id: group, type: 'group' }, effect: 'deny', state: 'active' },
    { principal: { id: app, type: 'app' }, scopeName: 'PC-RECEPTION' },
  ])
  expect(made[1]).toMatchObject({ scope: `/administrativeUnits/${unit}` })
  const list = async (query: string) =>
    (await send('GET', `/api/v1/role-assignments?${query}`))
      .json<RoleAssignmentPage>()
      .items.map(({ id }) => id)
  expect(await list(`principalId=${user}`)).toEqual([made[0]?.id])
  expect(await list(`scope=/devices/${device}&roleId=${HELPDESK}`)).toEqual([made[2]?.id])
  expect(await list(`scope=/administrativeUnits/${unit}`)).toEqual([made[1]?.id])
  expect((await send('GET', `/api/v1/role-assignments/${made[0]?.id}`)).json()).toEqual(made[0])
})

test.each([
  ['a principal', { principalId: randomUUID() }, 'There is no user, group or app with this'],
  ['a role', { roleId: randomUUID() }, 'There is no role with this roleId.'],
  ['a unit', { scope: `/administrativeUnits/${randomUUID()}` }, 'The scope names no'],
  ['a device', { scope: `/devices/${randomUUID()}` }, 'The scope names no'],
])('an assignment to %s that does not exist is refused', async (_, more, detail) => {
  const response = await assign({ principalId: administratorId, ...more })
  expect(response.json()).toMatchObject({
    code: 'NOT_FOUND',
    detail: expect.stringContaining(detail) as string,
  })
})

test('a device group is no scope, and a deleted user holds no role', async () => {
  const { db } = service.deps
  const group = await insertTestUnit(db, [])
  await db.updateTable('device_set').set({ kind: 'deviceGroup' }).where('id', '=', group).execute()
  const now = new Date()
  const gone = await insertTestUser(db, { is_active: false, deleted_at: now })
  for (const more of [
    { principalId: administratorId, scope: `/administrativeUnits/${group}` },
    { principalId: gone },
  ]) {
    expect((await assign(more)).json()).toMatchObject({ code: 'NOT_FOUND' })
  }
})

test('an assignment ends at its time, is listed as expired, and makes place for a new one', async () => {
  const { db, clock } = service.deps
  const id = await insertTestUser(db)
  const expiresAt = new Date(clock.now().getTime() + 60_000).toISOString()
  const first = await assign({ principalId: id, expiresAt })
  expect(first.json()).toMatchObject({ state: 'active', expiresAt })
  expect((await assign({ principalId: id })).json()).toMatchObject({
    code: 'ALREADY_ASSIGNED',
    detail: `Role assignment ${first.json<RoleAssignment>().id} says the same.`,
  })
  const session = await startTestSession(service, id)
  const status = async () => (await send('GET', '/api/v1/devices', undefined, session)).statusCode
  expect(await status()).toBe(200)
  clock.advance(60)
  expect(await status()).toBe(403)
  const url = `/api/v1/role-assignments/${first.json<RoleAssignment>().id}`
  expect((await send('GET', url)).json()).toMatchObject({ state: 'expired' })
  const second = await assign({ principalId: id })
  expect(second.statusCode).toBe(201)
  expect(await status()).toBe(200)
  expect((await send('GET', url)).json()).toMatchObject({ code: 'NOT_FOUND' })
})

test('an end in the past is refused, and an end can be changed', async () => {
  const id = await insertTestUser(service.deps.db)
  const past = await assign({ principalId: id, expiresAt: '2020-01-01T00:00:00Z' })
  const refusal = { code: 'INVALID_REQUEST', detail: 'expiresAt is not a time in the future.' }
  expect(past.json()).toMatchObject(refusal)
  const { id: assignmentId } = (await assign({ principalId: id })).json<RoleAssignment>()
  const url = `/api/v1/role-assignments/${assignmentId}`
  const changed = await send('PATCH', url, { expiresAt: '2999-01-01T00:00:00Z' })
  expect(changed.json()).toMatchObject({ expiresAt: '2999-01-01T00:00:00.000Z' })
  const endless = await send('PATCH', url, { expiresAt: null })
  expect(endless.json<RoleAssignment>().expiresAt).toBeUndefined()
})

test('the last administrator can neither be given an end, nor a deny, nor lose the role', async () => {
  const page = (
    await send('GET', `/api/v1/role-assignments?principalId=${administratorId}`)
  ).json<RoleAssignmentPage>()
  const own = page.items.find(({ role }) => role.id === GLOBAL_ADMINISTRATOR)
  const url = `/api/v1/role-assignments/${own?.id}`
  const responses = [
    await send('DELETE', url),
    await send('PATCH', url, { expiresAt: '2999-01-01T00:00:00Z' }),
    await assign({ principalId: administratorId, roleId: GLOBAL_ADMINISTRATOR, effect: 'deny' }),
  ]
  for (const response of responses) {
    expect(response.json()).toMatchObject({ status: 409, code: 'LAST_ADMINISTRATOR' })
  }
  // Nor may a role that is denied to him come to forbid giving roles.
  const role = await makeRole([READ_DEVICES])
  await assign({ principalId: administratorId, roleId: role.id, effect: 'deny' })
  const widened = await send('PATCH', `/api/v1/roles/${role.id}`, {
    permissions: ['microsoft.directory/roleAssignments/allProperties/allTasks'],
  })
  expect(widened.json()).toMatchObject({ code: 'LAST_ADMINISTRATOR' })
})

test('every change is on record with who, whom and what', async () => {
  const id = await insertTestUser(service.deps.db, { display_name: 'Kim' })
  const { id: assignmentId } = (await assign({ principalId: id })).json<RoleAssignment>()
  await send('DELETE', `/api/v1/role-assignments/${assignmentId}`)
  const entries = await service.auditEntries()
  const about = entries.filter(({ detail }) => detail['roleAssignmentId'] === assignmentId)
  expect(about.map(({ action }) => action)).toEqual([
    'roleAssignment.create',
    'roleAssignment.delete',
  ])
  expect(about[0]).toMatchObject({
    outcome: 'success',
    actor: { type: 'user', id: administratorId },
    detail: {
      principalType: 'user',
      principalName: 'Kim',
      roleName: 'Helpdesk Administrator',
      effect: 'allow',
      scope: '/',
    },
  })
})
