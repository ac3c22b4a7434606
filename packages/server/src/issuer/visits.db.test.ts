/** Visits to the sign-in pages: whose browser they are for, and what strangers can leave behind. */

import { LIMITS } from '@keydesk/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestAccount, openSignIn, PASSWORD } from '../testing/test-account.ts'
import { TestBrowser } from '../testing/test-browser.ts'
import { TestService } from '../testing/test-service.ts'
import { forgetExpiredState } from './forget-expired-state.ts'

let service: TestService
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => await service[Symbol.asyncDispose]())

/** What a neighbouring host can set in somebody's browser: cookies without `__Host-`. */
function plant(from: TestBrowser, into: TestBrowser): void {
  for (const [name, cookie] of from.cookies) {
    if (!name.startsWith('__Host-')) into.cookies.set(name, cookie)
  }
}

test('nobody signs in on a visit that a stranger planted in his browser', async () => {
  const victim = await createTestAccount(service)
  const [attacker, browser] = [new TestBrowser(service), new TestBrowser(service, '192.0.2.8')]
  const page = await openSignIn(attacker)
  const path = page.url.split('?')[0] ?? ''
  plant(attacker, browser)
  const seen = await browser.open(path)
  expect(seen.status).toBe(404)
  expect(seen.body).toContain('This page is gone')
  expect(seen.body).not.toContain('name="password"')
  // Even a form that he sends all the same, such as from a page that was open, gives nothing.
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
  const form = { csrf, userName: victim.userName, password: PASSWORD }
  expect((await browser.post(path, form)).status).toBe(404)
  await attacker.open(path.replace('/sign-in/with/', '/oidc/auth/'))
  expect((await attacker.open('/api/v1/me')).status).toBe(401)
})

test('nobody goes on with a visit that a stranger finished and planted', async () => {
  const account = await createTestAccount(service)
  const [attacker, browser] = [new TestBrowser(service), new TestBrowser(service, '192.0.2.9')]
  const page = await openSignIn(attacker)
  const path = page.url.split('?')[0] ?? ''
  const resume = path.replace('/sign-in/with/', '/oidc/auth/')
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
  const sent = await service.app.inject({
    method: 'POST',
    url: path,
    headers: {
      cookie: [...attacker.cookies].map(([name, { value }]) => `${name}=${value}`).join('; '),
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/x-www-form-urlencoded',
    },
    payload: new URLSearchParams({
      csrf,
      userName: account.userName,
      password: PASSWORD,
    }).toString(),
  })
  expect(sent.headers.location).toContain(resume)
  plant(attacker, browser)
  expect((await browser.open(resume)).status).toBe(404)
  expect(browser.cookies.has('__Host-keydesk-issuer')).toBe(false)
})

test('several tabs of one browser sign in, and their cookie does not grow for ever', async () => {
  const account = await createTestAccount(service)
  const browser = new TestBrowser(service, '192.0.2.10')
  const first = await openSignIn(browser)
  for (let tab = 0; tab < 5; tab += 1) await openSignIn(browser)
  const path = first.url.split('?')[0] ?? ''
  // The library's cookies of all visits have one name, and paths that this browser does not tell
  // apart, so the page is read with the cookies of the last one only.
  const last = await openSignIn(browser)
  expect(last.url).not.toContain(path)
  for (let tab = 0; tab < 12; tab += 1) await openSignIn(browser)
  expect(browser.cookies.get('__Host-keydesk-visits')?.value.split('.')).toHaveLength(8)
  const page = await openSignIn(browser)
  const form = { userName: account.userName, password: PASSWORD }
  expect((await browser.submit(page, page.url.split('?')[0] ?? '', form)).url).toBe('/readyz')
})

const AUTHORIZATION = `/oidc/auth?${new URLSearchParams({
  client_id: 'keydesk-portal',
  response_type: 'code',
  scope: 'openid',
  code_challenge: 'a'.repeat(43),
  code_challenge_method: 'S256',
}).toString()}`

test.each(['/oidc/device', AUTHORIZATION, '/oidc/session/end'])(
  'one address opens %s so often and no more',
  async (url) => {
    await using own = await TestService.start()
    const redirect = `${own.deps.config.origin}/sign-in/callback`
    const whole = url === AUTHORIZATION ? `${url}&redirect_uri=${redirect}` : url
    const open = async (remoteAddress: string) =>
      (await own.app.inject({ url: whole, remoteAddress })).statusCode
    for (let count = 0; count < LIMITS.signInsPerMinuteMax; count += 1) {
      expect(await open('198.51.100.9')).toBeLessThan(400)
    }
    expect(await open('198.51.100.9')).toBe(429)
    expect(await open('198.51.100.10')).toBeLessThan(400)
  },
)

test('what a stranger leaves behind is small, and soon gone', async () => {
  await using own = await TestService.start()
  const address = `${AUTHORIZATION}&redirect_uri=${own.deps.config.origin}/sign-in/callback`
  const open = async (url: string) => await own.app.inject({ url, remoteAddress: '198.51.100.9' })
  const long = await open(`${address}&state=${'x'.repeat(LIMITS.issuerAddressLengthMax)}`)
  expect(long.statusCode).toBe(400)
  const rows = async () =>
    await own.deps.db.selectFrom('issuer_state').select(['model', 'expires_at']).execute()
  expect(await rows()).toEqual([])
  expect((await open(address)).statusCode).toBe(303)
  expect((await open('/oidc/device')).statusCode).toBe(200)
  expect((await rows()).map(({ model }) => model).toSorted()).toEqual(['Interaction', 'Session'])
  own.deps.clock.advance(601)
  await forgetExpiredState(own.deps)
  expect((await rows()).map(({ model }) => model)).toEqual(['Interaction'])
  own.deps.clock.advance(1200)
  await forgetExpiredState(own.deps)
  expect(await rows()).toEqual([])
})
