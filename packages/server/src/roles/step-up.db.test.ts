/**
 * What gives a right away, or loosens a rule, needs a sign-in of just now: else whoever has an old
 * session could make himself a program, which is never asked to step up.
 */
import { randomUUID } from 'node:crypto'
import { GLOBAL_ADMINISTRATOR, type App } from '@keydesk/contract'
import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { insertTestGroup, insertTestUser } from '../testing/test-people.ts'
import { TestPerson } from '../testing/test-person.ts'
import { insertTestAssignment } from '../testing/test-scopes.ts'
import { TestService } from '../testing/test-service.ts'

const GLOBAL_READER = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451'
const WEEK = { name: 'test', expiresInSeconds: 7 * 86_400 }
const EIGHT_HOURS_MS = 8 * 3_600_000

type Request = readonly ['POST' | 'PUT' | 'PATCH' | 'DELETE', string, object?]

let service: TestService
let administrator: TestPerson
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => await service[Symbol.asyncDispose]())
beforeEach(async () => {
  administrator = await TestPerson.create(service, { roleId: GLOBAL_ADMINISTRATOR })
  await signInLongAgo()
})

/** With two factors, as the administrator's session is in the afternoon. */
async function signInLongAgo(): Promise<void> {
  const now = service.deps.clock.now().getTime()
  await administrator.signInAgain({ authenticatedAt: new Date(now - EIGHT_HOURS_MS) })
}

/** Made by a program, which is not asked. */
async function make(url: string, body: object): Promise<string> {
  const answer = await service.admin('POST', url, body)
  expect(answer.statusCode).toBe(201)
  return answer.json<{ id: string }>().id
}

const name = () => `test ${randomUUID()}`
const app = async (more: object = {}) =>
  await make('/api/v1/apps', { displayName: name(), ...more })
const customRole = () => ({
  displayName: name(),
  permissions: ['microsoft.directory/users/create'],
})
const assignment = async () => ({
  principalId: await insertTestUser(service.deps.db),
  roleId: GLOBAL_READER,
  scope: '/',
})
const groupWithRole = async () => {
  const principalId = await insertTestGroup(service.deps.db, [])
  await insertTestAssignment(service.deps.db, { principalId, roleId: GLOBAL_READER })
  return principalId
}
const publicKey = async () => {
  const { kty, crv, x, y } = await exportJWK((await generateKeyPair('ES256')).publicKey)
  return { kty, crv, x, y }
}
const policyGroup = async () =>
  `/api/v1/self-service-policy/groups/${await insertTestGroup(service.deps.db, [])}`
const budget = () => `/api/v1/disclosure-budgets/principals/${administrator.id}`

const ACTS: readonly (readonly [string, () => Request | Promise<Request>])[] = [
  [
    'making a program with app roles',
    () => ['POST', '/api/v1/apps', { displayName: name(), appRoles: ['BitlockerKey.Read.All'] }],
  ],
  [
    'making a program of another issuer',
    () => ['POST', '/api/v1/apps', { displayName: name(), externalClientId: randomUUID() }],
  ],
  [
    'giving a program app roles',
    async () => ['PATCH', `/api/v1/apps/${await app()}`, { appRoles: ['Device.Read.All'] }],
  ],
  [
    'naming the client of a program',
    async () => ['PATCH', `/api/v1/apps/${await app()}`, { externalClientId: randomUUID() }],
  ],
  [
    'enabling a program',
    async () => {
      const path = `/api/v1/apps/${await app()}`
      await service.admin('PATCH', path, { isEnabled: false })
      return ['PATCH', path, { isEnabled: true }]
    },
  ],
  [
    'naming the owner of a device',
    async () => {
      const { deviceId } = await service.device()
      const userId = await insertTestUser(service.deps.db)
      return ['PUT', `/api/v1/devices/${deviceId}/owner`, { userId }]
    },
  ],
  ['making a secret', async () => ['POST', `/api/v1/apps/${await app()}/secrets`, WEEK]],
  [
    'registering a key',
    async () => [
      'POST',
      `/api/v1/apps/${await app()}/public-keys`,
      { ...WEEK, publicKey: await publicKey() },
    ],
  ],
  ['giving a role', async () => ['POST', '/api/v1/role-assignments', await assignment()]],
  [
    'prolonging a role',
    async () => {
      const id = await make('/api/v1/role-assignments', await assignment())
      return ['PATCH', `/api/v1/role-assignments/${id}`, { expiresAt: null }]
    },
  ],
  [
    'taking a role or a deny away',
    async () => {
      const id = await make('/api/v1/role-assignments', {
        ...(await assignment()),
        effect: 'deny',
      })
      return ['DELETE', `/api/v1/role-assignments/${id}`]
    },
  ],
  ['making a role', () => ['POST', '/api/v1/roles', customRole()]],
  [
    'changing a role',
    async () => {
      const id = await make('/api/v1/roles', customRole())
      return ['PATCH', `/api/v1/roles/${id}`, { permissions: customRole().permissions }]
    },
  ],
  ['making a provisioning token', () => ['POST', '/api/v1/provisioning-tokens', WEEK]],
  ['changing self-service', () => ['PATCH', '/api/v1/self-service-policy', { seenWithinDays: 9 }]],
  ['letting a group serve itself', async () => ['PUT', await policyGroup(), { effect: 'allow' }]],
  [
    'no longer keeping a group from self-service',
    async () => {
      const path = await policyGroup()
      expect((await service.admin('PUT', path, { effect: 'deny' })).statusCode).toBe(200)
      return ['DELETE', path]
    },
  ],
  [
    'demanding a second person',
    async () => [
      'POST',
      '/api/v1/approval-rules',
      { roleId: await make('/api/v1/roles', customRole()) },
    ],
  ],
  [
    'no longer demanding a second person',
    async () => {
      const roleId = await make('/api/v1/roles', customRole())
      return [
        'DELETE',
        `/api/v1/approval-rules/${await make('/api/v1/approval-rules', { roleId })}`,
      ]
    },
  ],
  ['setting a budget', () => ['PUT', budget(), { hardPerDay: 1000 }]],
  [
    'removing a budget',
    async () => {
      expect((await service.admin('PUT', budget(), { hardPerDay: 1 })).statusCode).toBe(200)
      return ['DELETE', budget()]
    },
  ],
  [
    'joining a group that holds a role',
    async () => [
      'POST',
      `/api/v1/groups/${await groupWithRole()}/members`,
      { add: [administrator.id] },
    ],
  ],
  [
    'deleting a group that holds a role',
    async () => ['DELETE', `/api/v1/groups/${await groupWithRole()}`],
  ],
  ['rotating the signing key', () => ['POST', '/api/v1/issuer-keys']],
]

test.each(ACTS)('%s needs a recent sign-in', async (_what, prepare) => {
  const request = await prepare()
  const before = (await service.auditEntries()).filter(({ action }) => action !== 'request.deny')
  const refused = await administrator.call(...request)
  expect(refused.json()).toMatchObject({ status: 401, code: 'STEP_UP_REQUIRED' })
  expect(refused.headers['www-authenticate']).toContain('insufficient_user_authentication')
  const after = (await service.auditEntries()).filter(({ action }) => action !== 'request.deny')
  expect(after).toEqual(before)
  await administrator.signInAgain()
  expect((await administrator.call(...request)).statusCode).toBeLessThan(300)
})

test('importing members of a group that holds a role needs one too, and blames no row', async () => {
  const { db } = service.deps
  const id = await groupWithRole()
  const group = await db
    .selectFrom('directory_group')
    .select('display_name as name')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  const user = await db
    .selectFrom('directory_user')
    .select('user_principal_name as name')
    .where('id', '=', administrator.id)
    .executeTakeFirstOrThrow()
  const csv = `group,description,member\n${group.name},,${user.name}\n`
  const refused = await administrator.upload('/api/v1/groups/import', csv)
  expect(refused.json()).toMatchObject({ status: 401, code: 'STEP_UP_REQUIRED' })
  await administrator.signInAgain()
  const applied = await administrator.upload('/api/v1/groups/import', csv)
  expect(applied.json()).toMatchObject({ applied: true, updated: 1 })
})

test('importing the owner of a device needs one too', async () => {
  const { deviceId } = await service.device()
  const userId = await insertTestUser(service.deps.db)
  const csv = `deviceId,owner\n${deviceId},user-${userId.slice(0, 8)}@keydesk.example\n`
  const refused = await administrator.upload('/api/v1/devices/import', csv)
  expect(refused.json()).toMatchObject({ status: 401, code: 'STEP_UP_REQUIRED' })
  await administrator.signInAgain()
  const applied = await administrator.upload('/api/v1/devices/import', csv)
  expect(applied.json()).toMatchObject({ applied: true, updated: 1 })
})

test('what only takes away, and what gives nobody a right, needs none', async () => {
  const id = await app({ appRoles: ['Device.Read.All'] })
  const secret = await make(`/api/v1/apps/${id}/secrets`, WEEK)
  const token = await make('/api/v1/provisioning-tokens', WEEK)
  const group = await insertTestGroup(service.deps.db, [])
  const requests: readonly Request[] = [
    ['POST', '/api/v1/apps', { displayName: name() }],
    ['POST', `/api/v1/groups/${group}/members`, { add: [administrator.id] }],
    ['DELETE', `/api/v1/provisioning-tokens/${token}`],
    ['DELETE', `/api/v1/apps/${id}/credentials/${secret}`],
    ['PATCH', `/api/v1/apps/${id}`, { isEnabled: false }],
    ['DELETE', `/api/v1/apps/${id}`],
  ]
  for (const request of requests) {
    expect((await administrator.call(...request)).statusCode).toBeLessThan(300)
  }
})

test('a program is not asked: it has nobody who could sign in', async () => {
  const answer = await service.admin('POST', '/api/v1/apps', {
    displayName: name(),
    appRoles: ['Device.Read.All'],
  })
  expect(answer.json<App>().appRoles).toEqual(['Device.Read.All'])
})
