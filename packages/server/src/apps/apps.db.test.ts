/** App registrations over the API: what is shown, who may, and what is on record. */

import { randomUUID } from 'node:crypto'
import type { App, AppPage, CreatedAppSecret } from '@keydesk/contract'
import { LIMITS } from '@keydesk/contract'
import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { insertTestAssignment } from '../testing/test-scopes.ts'
import { callWith, TestProgram } from '../testing/test-program.ts'
import { TestPerson } from '../testing/test-person.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => await service[Symbol.asyncDispose]())

const DAY = 86_400
const WEEK = { name: 'test', expiresInSeconds: 7 * DAY }
const CLOUD_DEVICE_ADMINISTRATOR = '7698a772-787b-4ac8-901f-60d6b08affd2'

async function addApp(more: object = {}): Promise<App> {
  const body = { displayName: `app ${randomUUID()}`, ...more }
  const answer = await service.admin('POST', '/api/v1/apps', body)
  expect(answer.statusCode).toBe(201)
  return answer.json<App>()
}

/** Who may manage apps and may not give roles. */
async function appManager(): Promise<TestPerson> {
  const roleId = randomUUID()
  const now = service.deps.clock.now()
  await service.deps.db
    .insertInto('role_definition')
    .values({
      id: roleId,
      display_name: roleId,
      permissions: [
        'microsoft.directory/applications/manage',
        'microsoft.directory/applications/standard/read',
      ],
      created_at: now,
      updated_at: now,
    })
    .execute()
  return await TestPerson.create(service, { roleId })
}

test('an app is shown as it was made, and its secret never again', async () => {
  const app = await addApp({ description: 'Nightly report', appRoles: ['Device.Read.All'] })
  expect(app).toMatchObject({ isEnabled: true, appRoles: ['Device.Read.All'], credentials: [] })
  const path = `/api/v1/apps/${app.id}`
  const made = await service.admin('POST', `${path}/secrets`, WEEK)
  expect(made.statusCode).toBe(201)
  const { secret, ...credential } = made.json<CreatedAppSecret>()
  expect(secret).toMatch(/^keydesk_app_[A-Za-z0-9_-]{43}$/)
  const shown = await service.admin('GET', path)
  expect(shown.json<App>().credentials).toEqual([credential])
  expect(credential).toMatchObject({ kind: 'secret', state: 'active', hint: secret.slice(-4) })
  const rows = await service.deps.db.selectFrom('app_credential').selectAll().execute()
  const audit = await service.auditEntries()
  expect(JSON.stringify([rows, audit, shown.body])).not.toContain(secret)
})

test('the list goes page by page, the newest first', async () => {
  await using own = await TestService.start()
  for (let count = 0; count < 5; count += 1) {
    own.deps.clock.advance(1)
    await own.admin('POST', '/api/v1/apps', { displayName: `app ${count}` })
  }
  const names: string[] = []
  for (let after = ''; ;) {
    const page = (await own.admin('GET', `/api/v1/apps?limit=2${after}`)).json<AppPage>()
    names.push(...page.items.map(({ displayName }) => displayName))
    if (page.nextAfter === undefined) break
    after = `&after=${page.nextAfter}`
  }
  expect(names.slice(0, 5)).toEqual(['app 4', 'app 3', 'app 2', 'app 1', 'app 0'])
})

test('two apps cannot have one name, in any case; a deleted one frees it', async () => {
  const { id, displayName } = await addApp()
  const again = { displayName: displayName.toUpperCase() }
  const taken = await service.admin('POST', '/api/v1/apps', again)
  expect(taken.json()).toMatchObject({ status: 409, code: 'NAME_TAKEN' })
  expect((await service.admin('DELETE', `/api/v1/apps/${id}`)).statusCode).toBe(204)
  expect((await service.admin('POST', '/api/v1/apps', again)).statusCode).toBe(201)
  expect((await service.admin('GET', `/api/v1/apps/${id}`)).json()).toMatchObject({
    code: 'NOT_FOUND',
  })
})

test('whoever may not give roles gives an app none', async () => {
  const manager = await appManager()
  const displayName = `app ${randomUUID()}`
  const wanted = { displayName, appRoles: ['BitlockerKey.Read.All'] }
  const refused = await manager.call('POST', '/api/v1/apps', wanted)
  expect(refused.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  const made = await manager.call('POST', '/api/v1/apps', { displayName })
  expect(made.statusCode).toBe(201)
  const path = `/api/v1/apps/${made.json<App>().id}`
  const later = await manager.call('PATCH', path, { appRoles: wanted.appRoles })
  expect(later.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  expect((await manager.call('POST', `${path}/secrets`, WEEK)).statusCode).toBe(201)
})

test.each(['app roles', 'a role assignment'])(
  'whoever may not give roles makes no credential for an app that has %s',
  async (what) => {
    const manager = await appManager()
    const hasRoles = what === 'app roles'
    const app = await addApp(hasRoles ? { appRoles: ['BitlockerKey.Read.All'] } : {})
    if (!hasRoles) {
      const assignment = { principalId: app.id, roleId: CLOUD_DEVICE_ADMINISTRATOR }
      await insertTestAssignment(service.deps.db, assignment)
    }
    const path = `/api/v1/apps/${app.id}`
    const { kty, crv, x, y } = await exportJWK((await generateKeyPair('ES256')).publicKey)
    for (const answer of [
      await manager.call('POST', `${path}/secrets`, WEEK),
      await manager.call('POST', `${path}/public-keys`, {
        ...WEEK,
        publicKey: { kty, crv, x, y },
      }),
    ]) {
      expect(answer.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
    }
    expect((await manager.call('PATCH', path, { isEnabled: false })).statusCode).toBe(200)
    const enabled = await manager.call('PATCH', path, { isEnabled: true })
    expect(enabled.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  },
)

test('a secret lives two years at most, and an app has so many credentials', async () => {
  const { id } = await addApp()
  const path = `/api/v1/apps/${id}/secrets`
  const expiresInSeconds = LIMITS.appCredentialLifetimeSecondsMax + 1
  const long = await service.admin('POST', path, { name: 'x', expiresInSeconds })
  expect(long.json()).toMatchObject({ status: 400, code: 'INVALID_REQUEST' })
  for (let count = 0; count < LIMITS.appCredentialsMax; count += 1) {
    expect((await service.admin('POST', path, WEEK)).statusCode).toBe(201)
  }
  const refused = await service.admin('POST', path, WEEK)
  expect(refused.json()).toMatchObject({ status: 409, code: 'CREDENTIAL_LIMIT' })
})

test('a public key must be a point of the curve, without its private half, and have a kid of its own', async () => {
  const { id } = await addApp()
  const path = `/api/v1/apps/${id}/public-keys`
  const pair = await generateKeyPair('ES256', { extractable: true })
  const { kty, crv, x, y } = await exportJWK(pair.publicKey)
  const publicKey = { kty, crv, x, y, kid: 'mine' }
  const add = async (key: object) =>
    (await service.admin('POST', path, { ...WEEK, publicKey: key })).json<object>()
  const refused = { status: 400, code: 'INVALID_REQUEST' }
  expect(await add({ ...publicKey, y: x })).toMatchObject(refused)
  expect(await add(await exportJWK(pair.privateKey))).toMatchObject(refused)
  expect(await add({ kty: 'oct', k: 'c2VjcmV0' })).toMatchObject(refused)
  expect(await add(publicKey)).toMatchObject({ kind: 'publicKey', keyId: 'mine' })
  expect(await add(publicKey)).toMatchObject(refused)
})

test('a revoked secret takes its access tokens with it; another secret of the app goes on', async () => {
  await using own = await TestService.start()
  const program = await TestProgram.create(own, ['Device.Read.All'])
  const path = `/api/v1/apps/${program.id}`
  const stolen = await program.token()
  const other = await own.admin('POST', `${path}/secrets`, WEEK)
  expect((await callWith(own, stolen)).statusCode).toBe(200)
  // Tokens have the time of the machine; the test's clock stood still meanwhile.
  own.deps.clock.advance(2)
  const revoke = async () => await own.admin('DELETE', `${path}/credentials/${program.secret.id}`)
  expect((await revoke()).json()).toMatchObject({ state: 'revoked' })
  expect((await callWith(own, stolen)).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
  // Whole seconds: later ones count.
  await vi.waitUntil(() => Date.now() > own.deps.clock.now().getTime() + 1000, 5000)
  const answer = await program.ask({}, other.json<CreatedAppSecret>().secret)
  const { access_token: token } = answer.json<{ access_token: string }>()
  expect((await callWith(own, token)).statusCode).toBe(200)
  // To revoke it once more ends nothing.
  own.deps.clock.advance(60)
  expect((await revoke()).statusCode).toBe(200)
  expect((await callWith(own, token)).statusCode).toBe(200)
})

test('two apps cannot have one external client; whoever may not give roles names none', async () => {
  const externalClientId = '0oab8eb55Kb9jdMIr5d6'
  const app = await addApp({ externalClientId })
  expect(app).toMatchObject({ externalClientId })
  const wanted = { displayName: `app ${randomUUID()}`, externalClientId }
  const taken = await service.admin('POST', '/api/v1/apps', wanted)
  expect(taken.json()).toMatchObject({ status: 409, code: 'NAME_TAKEN' })
  const manager = await appManager()
  const other = { ...wanted, externalClientId: 'another' }
  for (const answer of [
    await manager.call('POST', '/api/v1/apps', other),
    await manager.call('PATCH', `/api/v1/apps/${app.id}`, { externalClientId: 'another' }),
  ]) {
    expect(answer.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  }
  const gone = { externalClientId: null }
  const changed = await service.admin('PATCH', `/api/v1/apps/${app.id}`, gone)
  expect(changed.json<App>().externalClientId).toBeUndefined()
  expect((await service.admin('POST', '/api/v1/apps', wanted)).statusCode).toBe(201)
})

test('every change is on record with who made it', async () => {
  const { id } = await addApp()
  const path = `/api/v1/apps/${id}`
  const made = (await service.admin('POST', `${path}/secrets`, WEEK)).json<CreatedAppSecret>()
  await service.admin('PATCH', path, { appRoles: ['Device.Read.All'] })
  await service.admin('DELETE', `${path}/credentials/${made.id}`)
  await service.admin('DELETE', `${path}/credentials/${made.id}`)
  await service.admin('PATCH', path, { isEnabled: false })
  await service.admin('DELETE', path)
  const entries = (await service.auditEntries()).filter(({ detail }) => detail['appId'] === id)
  expect(entries.map(({ action }) => action)).toEqual([
    'app.create',
    'appCredential.create',
    'app.update',
    'appCredential.revoke',
    'app.disable',
    'app.delete',
  ])
  expect(entries.every(({ actor }) => actor.type === 'app')).toBe(true)
})

test('what does not exist is 404', async () => {
  const [id, other] = [randomUUID(), await addApp()]
  for (const answer of [
    await service.admin('GET', `/api/v1/apps/${id}`),
    await service.admin('PATCH', `/api/v1/apps/${id}`, { isEnabled: false }),
    await service.admin('DELETE', `/api/v1/apps/${id}`),
    await service.admin('POST', `/api/v1/apps/${id}/secrets`, WEEK),
    await service.admin('DELETE', `/api/v1/apps/${other.id}/credentials/${id}`),
  ]) {
    expect(answer.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
  }
})
