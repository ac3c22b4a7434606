/**
 * What was ended stays ended, whatever the browser or the program sends while and after it ends:
 * resets, single sessions, idleness.
 */

import type { SessionList } from '@keydesk/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  createTestAccount,
  openSignIn,
  PASSWORD,
  tryPassword,
  type TestAccount,
} from '../testing/test-account.ts'
import { TestBrowser } from '../testing/test-browser.ts'
import { callWith, requestToken } from '../testing/test-program.ts'
import { signInByDeviceCode } from '../testing/sign-in-by-device-code.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => await service[Symbol.asyncDispose]())

const CLI = { clientId: 'keydesk-cli', scope: 'openid offline_access Keydesk.Access' }

let browsers = 0
/** Each in a network of its own. */
function newBrowser(): TestBrowser {
  browsers += 1
  return new TestBrowser(service, `2001:db8:${browsers.toString(16)}::1`)
}

async function signedIn(account: TestAccount): Promise<TestBrowser> {
  const browser = newBrowser()
  await tryPassword(browser, account.userName, PASSWORD)
  expect((await browser.open('/api/v1/me')).status).toBe(200)
  return browser
}

function cookiesOf(browser: TestBrowser): string {
  return [...browser.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ')
}

/** As a browser in which only the issuer's session is left. */
function forgetPortal(browser: TestBrowser): void {
  browser.cookies.delete('__Host-keydesk')
}

async function resetPassword({ id }: TestAccount): Promise<void> {
  const answer = await service.admin('POST', `/api/v1/users/${id}/password-reset`, {})
  expect(answer.statusCode).toBe(201)
}

async function issuerRows({ id }: TestAccount) {
  return await service.deps.db
    .selectFrom('issuer_state')
    .selectAll()
    .where('account_id', '=', id)
    .execute()
}

async function putBack(rows: Awaited<ReturnType<typeof issuerRows>>): Promise<void> {
  await service.deps.db
    .insertInto('issuer_state')
    .values(rows)
    .onConflict((conflict) => conflict.columns(['model', 'id_hash']).doNothing())
    .execute()
}

/** Password right, and the browser does not go on to where it is sent. */
async function proveAndHold(account: TestAccount) {
  const browser = newBrowser()
  const page = await openSignIn(browser)
  const path = page.url.split('?')[0] ?? ''
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
  const answer = await service.app.inject({
    method: 'POST',
    url: path,
    headers: {
      cookie: cookiesOf(browser),
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/x-www-form-urlencoded',
    },
    payload: new URLSearchParams({
      csrf,
      userName: account.userName,
      password: PASSWORD,
    }).toString(),
  })
  expect(answer.statusCode).toBe(303)
  const next = new URL(String(answer.headers.location), service.deps.config.origin).pathname
  expect(next).toMatch(/^\/oidc\/auth\//)
  return { browser, next }
}

test('requests under way during a reset do not bring the session of the issuer back', async () => {
  const account = await createTestAccount(service)
  const browser = await signedIn(account)
  const headers = { cookie: cookiesOf(browser), accept: 'text/html' }
  const run = { isOver: false }
  let requests = 0
  const hammer = async (network: number): Promise<void> => {
    while (!run.isOver) {
      requests += 1
      const remoteAddress = `2001:db8:ffff:${network}::${(requests % 9) + 1}`
      await service.app.inject({ url: '/oidc/device', headers, remoteAddress })
    }
  }
  const hammers = [1, 2, 3, 4].map((network) => hammer(network))
  await resetPassword(account)
  run.isOver = true
  await Promise.all(hammers)
  expect(requests).toBeGreaterThan(4)
  expect(await issuerRows(account)).toEqual([])
  service.deps.clock.advance(5)
  forgetPortal(browser)
  expect((await openSignIn(browser)).body).toContain('name="password"')
})

test('rows of the issuer from before a reset are worth nothing if they come back', async () => {
  const account = await createTestAccount(service)
  const browser = await signedIn(account)
  const tokens = await signInByDeviceCode(service, account, CLI)
  const rows = await issuerRows(account)
  expect(rows.map(({ model }) => model)).toEqual(
    expect.arrayContaining(['Session', 'RefreshToken', 'Grant']),
  )
  service.deps.clock.advance(2)
  await resetPassword(account)
  await putBack(rows)
  service.deps.clock.advance(5)
  forgetPortal(browser)
  const page = await openSignIn(browser)
  expect(page.body).toContain('name="password"')
  expect(page.body).not.toContain(account.userName)
  const form = {
    grant_type: 'refresh_token',
    client_id: 'keydesk-cli',
    refresh_token: tokens.refresh_token ?? '',
  }
  const refreshed = await requestToken(service, form)
  expect(refreshed.json()).toMatchObject({ error: 'invalid_grant' })
  expect((await callWith(service, tokens.access_token, '/api/v1/me')).statusCode).toBe(401)
})

test('a code of the issuer from before a reset gives no session afterwards', async () => {
  const account = await createTestAccount(service)
  const { browser, next } = await proveAndHold(account)
  const answer = await service.app.inject({ url: next, headers: { cookie: cookiesOf(browser) } })
  const callback = new URL(String(answer.headers.location))
  expect(callback.pathname).toBe('/sign-in/callback')
  const codes = await issuerRows(account)
  service.deps.clock.advance(2)
  await resetPassword(account)
  await putBack(codes)
  service.deps.clock.advance(2)
  await browser.open(callback.pathname + callback.search)
  expect(browser.cookies.has('__Host-keydesk')).toBe(false)
})

test('a proof that was held back over a reset is worth nothing', async () => {
  const account = await createTestAccount(service)
  const { browser, next } = await proveAndHold(account)
  const rows = await issuerRows(account)
  expect(rows.map(({ model }) => model)).toContain('Interaction')
  service.deps.clock.advance(60)
  await resetPassword(account)
  expect(await issuerRows(account)).toEqual([])
  await putBack(rows)
  service.deps.clock.advance(60)
  await browser.open(next)
  expect(browser.cookies.has('__Host-keydesk')).toBe(false)
})

test('a proof that was held back counts from when it was given', async () => {
  const account = await createTestAccount(service)
  const provedAt = Math.floor(service.deps.clock.now().getTime() / 1000)
  const { browser, next } = await proveAndHold(account)
  service.deps.clock.advance(900)
  await browser.open(next)
  const me = JSON.parse((await browser.open('/api/v1/me')).body) as { authenticatedAt: string }
  expect(Date.parse(me.authenticatedAt)).toBe(provedAt * 1000)
})

async function endByOwner(owner: TestBrowser): Promise<void> {
  await owner.submit(await owner.open('/account'), /sessions\/.*\/end$/)
}

async function endByAdministrator(_: TestBrowser, { id: userId }: TestAccount): Promise<void> {
  const url = `/api/v1/users/${userId}/sessions`
  for (const { id } of (await service.admin('GET', url)).json<SessionList>().items) {
    await service.admin('DELETE', `${url}/${id}`)
  }
}

test.each([
  ['its owner', endByOwner],
  ['an administrator', endByAdministrator],
])('a session that %s ended does not come back without the password', async (_, end) => {
  const account = await createTestAccount(service)
  const [thief, owner] = [await signedIn(account), await signedIn(account)]
  const { access_token: token } = await signInByDeviceCode(service, account, CLI)
  await end(owner, account)
  expect((await thief.open('/api/v1/me')).status).toBe(401)
  expect((await openSignIn(thief)).body).toContain('name="password"')
  // What he connected stays connected: that is ended by ending all sign-ins.
  expect((await callWith(service, token, '/api/v1/me')).statusCode).toBe(200)
})

test('requests under way while a session ends do not bring that of the issuer back', async () => {
  const account = await createTestAccount(service)
  const browser = await signedIn(account)
  const rows = await issuerRows(account)
  const cookie = cookiesOf(browser)
  // The request has read the session when it is deleted, as the library reads it first.
  const { db } = service.deps
  const held = await db.transaction().execute(async (trx) => {
    await trx.deleteFrom('issuer_state').where('account_id', '=', account.id).execute()
    const request = service.app.inject({ url: '/oidc/device', headers: { cookie } })
    await waitForLock()
    return { request }
  })
  expect((await held.request).statusCode).toBe(200)
  expect(rows.length).toBeGreaterThan(0)
  expect(await issuerRows(account)).toEqual([])
})

/** Until another connection waits for a row of this database. */
async function waitForLock(): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const { rows } = await sql<{ waiting: boolean }>`
      select exists (select from pg_stat_activity where wait_event_type = 'Lock'
                     and datname = current_database()) as waiting
    `.execute(service.deps.db)
    if (rows[0]?.waiting === true) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('nobody waits')
}

test('a browser that was left alone until its session is idle has to prove itself again', async () => {
  const account = await createTestAccount(service)
  const browser = await signedIn(account)
  service.deps.clock.advance(service.deps.config.sessionIdleSeconds + 60)
  expect((await browser.open('/api/v1/me')).status).toBe(401)
  expect((await openSignIn(browser)).body).toContain('name="password"')
})

test('a session of the issuer that is used all the time ends after a working day', async () => {
  const account = await createTestAccount(service)
  const browser = await signedIn(account)
  for (let minutes = 0; minutes < 12 * 60; minutes += 9) {
    service.deps.clock.advance(9 * 60)
    await browser.open('/oidc/device')
  }
  expect(await issuerRows(account)).not.toEqual([])
  service.deps.clock.advance(60)
  forgetPortal(browser)
  expect((await openSignIn(browser)).body).toContain('name="password"')
})
