/** Who one is, and sessions over the API: one's own, and those of others for administrators. */

import type { Me, SessionList } from '@keydesk/contract'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ACR_PASSWORD } from '../access/step-up-acr.ts'
import { createTestAccount, openSignIn, PASSWORD, tryPassword } from '../testing/test-account.ts'
import { TestBrowser } from '../testing/test-browser.ts'
import { insertTestUser } from '../testing/test-people.ts'
import { TestService } from '../testing/test-service.ts'
import { startTestSession, type TestSession } from '../testing/test-session.ts'
import { sweepSignIns } from './sweep-sign-ins.ts'

let service: TestService
let userId: string
let session: TestSession
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => service[Symbol.asyncDispose]())
beforeEach(async () => {
  userId = await insertTestUser(service.deps.db)
  session = await startTestSession(service, userId)
})

async function call(method: 'GET' | 'DELETE', url: string, headers: TestSession['reads']) {
  return await service.app.inject({ method, url, headers: { ...headers } })
}

async function sessionsOf(who: TestSession): Promise<SessionList['items']> {
  return (await call('GET', '/api/v1/me/sessions', who.reads)).json<SessionList>().items
}

test('a person without a role sees himself and his token, and no permission', async () => {
  const me = (await call('GET', '/api/v1/me', session.reads)).json<Me>()
  expect(me).toMatchObject({
    type: 'user',
    id: userId,
    roles: [],
    permissions: [],
    session: { id: session.id, csrfToken: session.csrf },
  })
  const until = service.deps.clock.now().getTime() + service.deps.config.stepUpSeconds * 1000
  expect(me.stepUpUntil).toBe(new Date(until).toISOString())
})

test('one factor is no step-up, and neither is an old sign-in', async () => {
  const weak = await startTestSession(service, userId, { acr: ACR_PASSWORD })
  const old = await startTestSession(service, userId, {
    authenticatedAt: new Date(service.deps.clock.now().getTime() - 601_000),
  })
  for (const { reads } of [weak, old]) {
    expect((await call('GET', '/api/v1/me', reads)).json<Me>().stepUpUntil).toBeUndefined()
  }
})

test('a program sees itself, without a session', async () => {
  const me = (await service.admin('GET', '/api/v1/me')).json<Me>()
  expect(me.permissions).toContain('keydesk/sessions/read')
  expect(me.session).toBeUndefined()
})

test('a person sees his own open sessions only, and ends one', async () => {
  const other = await startTestSession(service, userId, { ipAddress: '192.0.2.77' })
  await startTestSession(service, await insertTestUser(service.deps.db))
  const mine = await sessionsOf(session)
  expect(mine.map(({ id }) => id).toSorted()).toEqual([session.id, other.id].toSorted())
  expect(mine.find(({ isCurrent }) => isCurrent)?.id).toBe(session.id)
  const ended = await call('DELETE', `/api/v1/me/sessions/${other.id}`, session.writes)
  expect(ended.json()).toEqual({ ended: 1 })
  expect((await call('GET', '/api/v1/me', other.reads)).statusCode).toBe(401)
  expect(await sessionsOf(session)).toHaveLength(1)
})

test('the session of another is not there, and ends for nobody', async () => {
  const victim = await startTestSession(service, await insertTestUser(service.deps.db))
  const answer = await call('DELETE', `/api/v1/me/sessions/${victim.id}`, session.writes)
  expect(answer.json()).toMatchObject({ code: 'NOT_FOUND' })
  expect((await call('GET', '/api/v1/me', victim.reads)).statusCode).toBe(200)
})

test('without the role nobody sees or ends the sessions of another', async () => {
  const other = await insertTestUser(service.deps.db)
  for (const method of ['GET', 'DELETE'] as const) {
    const answer = await call(method, `/api/v1/users/${other}/sessions`, session.writes)
    expect(answer.json()).toMatchObject({ code: 'FORBIDDEN' })
  }
})

test('an administrator sees the sessions of a user and ends one, or every sign-in', async () => {
  const url = `/api/v1/users/${userId}/sessions`
  const list = (await service.admin('GET', url)).json<SessionList>()
  expect(list.items).toMatchObject([{ id: session.id, isCurrent: false, ipAddress: '192.0.2.1' }])
  expect(JSON.stringify(list)).not.toContain('mac')
  expect((await service.admin('DELETE', `${url}/${session.id}`)).json()).toEqual({ ended: 1 })
  expect((await service.admin('DELETE', `${url}/${session.id}`)).statusCode).toBe(404)
  const another = await startTestSession(service, userId)
  service.deps.clock.advance(1)
  expect((await service.admin('DELETE', url)).json()).toEqual({ ended: 1 })
  expect((await call('GET', '/api/v1/me', another.reads)).statusCode).toBe(401)
  const entries = (await service.auditEntries()).filter(({ detail }) => detail['userId'] === userId)
  expect(entries.map(({ action }) => action)).toEqual(['session.end', 'user.endSignIns'])
})

test('sessions that expired are marked, and forgotten a month later', async () => {
  await sweepSignIns(service.deps)
  const row = async () =>
    await service.deps.db
      .selectFrom('session')
      .select(['ended_reason', 'sealed_id_token'])
      .where('id', '=', session.id)
      .executeTakeFirst()
  expect((await row())?.ended_reason).toBeNull()
  service.deps.clock.advance(service.deps.config.sessionIdleSeconds)
  await sweepSignIns(service.deps)
  expect(await row()).toEqual({ ended_reason: 'expired', sealed_id_token: null })
  service.deps.clock.advance(31 * 86_400)
  await sweepSignIns(service.deps)
  expect(await row()).toBeUndefined()
})

test('with the built-in issuer, signing out ends its session too: it asks for the password again', async () => {
  const account = await createTestAccount(service)
  const browser = new TestBrowser(service, '198.51.100.200')
  await tryPassword(browser, account.userName, PASSWORD)
  const me = JSON.parse((await browser.open('/api/v1/me')).body) as Me
  expect(me).toMatchObject({ name: account.userName, methods: ['pwd'] })
  expect(me.authenticatedAt).toBeDefined()
  // Signed in at the issuer: it asks for nothing.
  expect((await browser.open('/sign-in?returnTo=/readyz')).url).toBe('/readyz')
  const { session: renewed } = JSON.parse((await browser.open('/api/v1/me')).body) as Me
  await browser.post('/sign-out', { csrf: renewed?.csrfToken ?? '' })
  expect((await browser.open('/api/v1/me')).status).toBe(401)
  expect((await openSignIn(browser)).url).toMatch(/^\/sign-in\/with\//)
})

test('over http there are sessions on this machine only', async () => {
  await using insecure = await TestService.start({ origin: 'http://keydesk.example' })
  const answer = await insecure.app.inject({ url: '/sign-in' })
  expect(answer.statusCode).toBe(400)
  expect(answer.body).toContain('Nobody can sign in over http')
  await using local = await TestService.start({ origin: 'http://localhost:8080' })
  const begun = await local.app.inject({ url: '/sign-in', headers: { host: 'localhost:8080' } })
  expect(begun.statusCode).toBe(303)
  expect(String(begun.headers['set-cookie'])).toMatch(/^keydesk-insecure-localhost-sign-in-/)
  const elsewhere = await local.app.inject({ url: '/sign-in', headers: { host: '127.0.0.1:8080' } })
  expect(elsewhere.headers.location).toBe('http://localhost:8080/sign-in')
  expect(elsewhere.headers['set-cookie']).toBeUndefined()
})

test.each(['/', '/sign-in/callback', '/sign-out/done', '/api/v1/me', '/oidc/jwks'])(
  '%s has the headers that keep browsers from harm',
  async (url) => {
    const { headers } = await service.app.inject({ url })
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'")
    expect(headers['content-security-policy']).not.toContain('unsafe')
    expect(headers).toMatchObject({
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    })
    expect(headers['strict-transport-security']).toMatch(/^max-age=63072000/)
  },
)
