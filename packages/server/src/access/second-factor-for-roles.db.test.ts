/**
 * Roles need a second factor at the built-in issuer, also one that was given after the sign-in: a
 * session or token of a password alone opens what is one's own and nothing else.
 */

import { randomUUID } from 'node:crypto'
import { GLOBAL_ADMINISTRATOR } from '@keydesk/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { insertGlobalAdministrator } from '../accounts/account-queries.ts'
import { signInByDeviceCode } from '../testing/sign-in-by-device-code.ts'
import { createTestAccount, PASSWORD, tryPassword } from '../testing/test-account.ts'
import { TestBrowser } from '../testing/test-browser.ts'
import { insertTestGroup, insertTestUser } from '../testing/test-people.ts'
import { insertTestAssignment } from '../testing/test-scopes.ts'
import { TestService } from '../testing/test-service.ts'
import { startTestSession } from '../testing/test-session.ts'
import { loadPrincipal } from './load-principal.ts'
import { ACR_MFA, ACR_PASSWORD } from './step-up-acr.ts'

const CLI = { clientId: 'keydesk-cli', scope: 'openid offline_access Keydesk.Access' }
/** One of each audience that needs a role. */
const BY_ROLE = ['/api/v1/role-assignments', '/api/v1/devices', `/api/v1/devices/${randomUUID()}`]
const OWN = ['/api/v1/me', '/api/v1/me/sessions', '/account']

let service: TestService
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => service[Symbol.asyncDispose]())

async function makeAdministrator(userId: string): Promise<void> {
  const assignment = { id: randomUUID(), userId, now: service.deps.clock.now() }
  await service.deps.db.transaction().execute((trx) => insertGlobalAdministrator(trx, assignment))
}

async function read(url: string, headers: Readonly<Record<string, string>>) {
  return await service.app.inject({ url, headers })
}

test("a password alone opens one's own things, and for the rest asks for more", async () => {
  const userId = await insertTestUser(service.deps.db)
  await makeAdministrator(userId)
  const { reads } = await startTestSession(service, userId, { acr: ACR_PASSWORD, amr: ['pwd'] })
  for (const url of BY_ROLE) {
    const answer = await read(url, reads)
    expect(answer.json()).toMatchObject({ code: 'STEP_UP_REQUIRED' })
    expect(answer.statusCode).toBe(401)
    const challenge = String(answer.headers['www-authenticate'])
    expect(challenge).toContain('error="insufficient_user_authentication"')
    expect(challenge).toContain(`acr_values="${ACR_MFA}"`)
  }
  for (const url of OWN) expect((await read(url, reads)).statusCode).toBe(200)
  expect((await read('/api/v1/me', reads)).json()).toMatchObject({ permissions: [] })
  const strong = await startTestSession(service, userId)
  expect((await read('/api/v1/role-assignments', strong.reads)).statusCode).toBe(200)
})

test('a role that a group gives, or that is only a denial, needs one too', async () => {
  const member = await insertTestUser(service.deps.db)
  const denied = await insertTestUser(service.deps.db)
  const group = await insertTestGroup(service.deps.db, [{ id: member }])
  const roleId = GLOBAL_ADMINISTRATOR
  await insertTestAssignment(service.deps.db, { principalId: group, roleId })
  await insertTestAssignment(service.deps.db, { principalId: denied, roleId, effect: 'deny' })
  for (const userId of [member, denied]) {
    const { reads } = await startTestSession(service, userId, { acr: ACR_PASSWORD })
    expect((await read('/api/v1/devices', reads)).json()).toMatchObject({
      code: 'STEP_UP_REQUIRED',
    })
  }
})

test('somebody without a role is refused as ever, and has nothing to step up for', async () => {
  const userId = await insertTestUser(service.deps.db)
  const { reads } = await startTestSession(service, userId, { acr: ACR_PASSWORD })
  expect((await read('/api/v1/devices', reads)).json()).toMatchObject({ code: 'FORBIDDEN' })
})

test('a role that is given after the sign-in does not work with what was there before', async () => {
  const account = await createTestAccount(service)
  const tokens = await signInByDeviceCode(service, account, CLI)
  const browser = new TestBrowser(service, '203.0.113.5')
  await tryPassword(browser, account.userName, PASSWORD)
  await makeAdministrator(account.id)
  const authorization = `Bearer ${tokens.access_token}`
  const byToken = await read('/api/v1/role-assignments', { authorization })
  expect(byToken.json()).toMatchObject({ code: 'STEP_UP_REQUIRED' })
  // The issuer still knows the browser; what it says is not enough.
  await browser.open('/sign-in?returnTo=/')
  expect((await browser.open('/api/v1/role-assignments')).status).toBe(401)
})

test('how a foreign issuer signs people in is for it to say', async () => {
  const { db, clock, config } = service.deps
  const userId = await insertTestUser(db)
  await makeAdministrator(userId)
  const now = clock.now()
  const credential = {
    type: 'user',
    userId,
    authenticatedAt: now,
    methods: [],
    acr: undefined,
    sessionId: undefined,
    scopes: undefined,
    issuedAt: now,
  } as const
  const external = { db, clock, config: { ...config, oidcIssuer: 'https://issuer.example' } }
  expect((await loadPrincipal(external, credential))?.lacksSecondFactor).toBe(false)
  expect((await loadPrincipal(service.deps, credential))?.lacksSecondFactor).toBe(true)
})
