/** RFC 8628: a program without a browser is connected by a person who has one. */

import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createTestAccount, PASSWORD, type TestAccount } from '../testing/test-account.ts'
import { TestBrowser, type TestPage } from '../testing/test-browser.ts'
import { callWith, claimsOf, requestToken } from '../testing/test-program.ts'
import { TestService } from '../testing/test-service.ts'

const ME = '/api/v1/me'
const GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
const CLI = { client_id: 'keydesk-cli', scope: 'openid offline_access Keydesk.Access' }

let service: TestService
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => await service[Symbol.asyncDispose]())

interface Started {
  readonly device_code: string
  readonly user_code: string
  readonly verification_uri: string
  readonly verification_uri_complete: string
}

interface Tokens {
  readonly access_token: string
  readonly refresh_token?: string
  readonly scope: string
}

async function post(url: string, form: Readonly<Record<string, string>>) {
  return await service.app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams(form).toString(),
  })
}

async function start(form: Readonly<Record<string, string>> = CLI): Promise<Started> {
  const answer = await post('/oidc/device/auth', form)
  expect(answer.statusCode).toBe(200)
  return answer.json<Started>()
}

async function poll(started: Started, clientId = 'keydesk-cli') {
  const form = { grant_type: GRANT, device_code: started.device_code, client_id: clientId }
  return await requestToken(service, form)
}

/** After the time that a program has to wait. */
async function pollLater(started: Started, clientId?: string) {
  service.deps.clock.advance(5)
  return await poll(started, clientId)
}

let lastAddress = 0
function newBrowser(): TestBrowser {
  lastAddress += 1
  return new TestBrowser(service, `203.0.113.${lastAddress}`)
}

async function enterCode(browser: TestBrowser, started: Started): Promise<TestPage> {
  const page = await browser.open('/oidc/device')
  return await browser.submit(page, '/oidc/device', { user_code: started.user_code })
}

/** Confirms the code and signs in where that is asked for. */
async function connect(
  browser: TestBrowser,
  started: Started,
  account: TestAccount,
): Promise<TestPage> {
  const confirmation = await enterCode(browser, started)
  const page = await browser.submit(confirmation, '/oidc/device', { confirm: 'yes' })
  if (!page.url.startsWith('/sign-in/with/')) return page
  const form = { userName: account.userName, password: PASSWORD }
  return await browser.submit(page, page.url.split('?')[0] ?? '', form)
}

async function signedIn(
  form: Readonly<Record<string, string>> = CLI,
): Promise<{ account: TestAccount; tokens: Tokens; browser: TestBrowser }> {
  const account = await createTestAccount(service)
  const [started, browser] = [await start(form), newBrowser()]
  const page = await connect(browser, started, account)
  expect(page.body).toContain('You can close this page')
  const answer = await pollLater(started, form['client_id'])
  expect(answer.statusCode).toBe(200)
  return { account, tokens: answer.json<Tokens>(), browser }
}

async function refresh(token: string | undefined, form: Readonly<Record<string, string>> = {}) {
  return await requestToken(service, {
    grant_type: 'refresh_token',
    refresh_token: token ?? '',
    client_id: 'keydesk-cli',
    ...form,
  })
}

test('from the code to the API: the token says who signed in, when and how', async () => {
  const { account, tokens } = await signedIn()
  const claims = claimsOf(tokens.access_token)
  expect(claims).toMatchObject({
    sub: account.id,
    aud: 'https://keydesk.example',
    client_id: 'keydesk-cli',
    idtyp: 'user',
    acr: 'urn:keydesk:acr:password',
    amr: ['pwd'],
  })
  expect(claims['scope']).toContain('Keydesk.Access')
  expect(Math.abs(Number(claims['auth_time']) - Number(claims['iat']))).toBeLessThan(60)
  expect((await callWith(service, tokens.access_token, ME)).statusCode).toBe(200)
})

test('the page says which program it is and what it asks for, before anybody signs in', async () => {
  const [started, browser] = [await start(), newBrowser()]
  const page = await enterCode(browser, started)
  expect(page.body).toContain('Connect Keydesk command line?')
  expect(page.body).toContain('Do whatever the person who signed in may do')
  expect(page.body).toContain(started.user_code)
  expect(page.body).not.toContain('<script')
  expect(page.headers['content-security-policy']).toContain("default-src 'none'")
})

test('a link with the code fills it in and still asks', async () => {
  const [started, browser] = [await start(), newBrowser()]
  const page = await browser.open(
    `/oidc/device${new URL(started.verification_uri_complete).search}`,
  )
  expect(page.body).toContain(`value="${started.user_code}"`)
  expect(page.body).not.toContain('<script')
  expect((await pollLater(started)).json()).toMatchObject({ error: 'authorization_pending' })
})

test('a program that asks too often is slowed down, and gets its token afterwards', async () => {
  const account = await createTestAccount(service)
  const started = await start()
  expect((await poll(started)).json()).toMatchObject({ error: 'authorization_pending' })
  expect((await poll(started)).json()).toMatchObject({ error: 'slow_down' })
  await connect(newBrowser(), started, account)
  expect((await poll(started)).json()).toMatchObject({ error: 'slow_down' })
  expect((await pollLater(started)).statusCode).toBe(200)
})

test('a person who does not connect it ends it', async () => {
  const [started, browser] = [await start(), newBrowser()]
  const page = await enterCode(browser, started)
  await browser.submit(page, '/oidc/device', { abort: 'yes' })
  expect((await pollLater(started)).json()).toMatchObject({ error: 'access_denied' })
})

test('a code gives one token only', async () => {
  const account = await createTestAccount(service)
  const started = await start()
  await connect(newBrowser(), started, account)
  const answer = await pollLater(started)
  expect(answer.statusCode).toBe(200)
  expect((await pollLater(started)).json()).toMatchObject({ error: 'invalid_grant' })
  // The second use ends what the first one gave.
  const { refresh_token: token } = answer.json<Tokens>()
  expect((await refresh(token)).json()).toMatchObject({ error: 'invalid_grant' })
})

test('of two programs that use a code at the same moment one gets the token', async () => {
  const account = await createTestAccount(service)
  const started = await start()
  await connect(newBrowser(), started, account)
  service.deps.clock.advance(5)
  const answers = await Promise.all([poll(started), poll(started), poll(started)])
  expect(answers.filter(({ statusCode }) => statusCode === 200).length).toBeLessThanOrEqual(1)
})

test('a code belongs to the program that asked for it', async () => {
  const account = await createTestAccount(service)
  const started = await start()
  await connect(newBrowser(), started, account)
  const answer = await pollLater(started, 'keydesk-agent')
  expect(answer.json()).toMatchObject({ error: 'invalid_grant' })
})

test('a wrong code is told, and a form of a foreign page connects nothing', async () => {
  const [started, browser] = [await start(), newBrowser()]
  const page = await browser.open('/oidc/device')
  const wrong = await browser.submit(page, '/oidc/device', { user_code: 'BBBB-BBBB' })
  expect(wrong.body).toContain('There is no such code')
  const forged = await browser.post('/oidc/device', {
    user_code: started.user_code,
    confirm: 'yes',
    xsrf: 'guessed',
  })
  expect(forged.body).not.toContain('Connected')
  expect((await pollLater(started)).json()).toMatchObject({ error: 'authorization_pending' })
})

test('user codes cannot be guessed: an address has thirty tries a minute', async () => {
  const browser = newBrowser()
  const statuses: number[] = []
  for (let tries = 0; tries < 31; tries += 1) {
    statuses.push((await browser.post('/oidc/device', { user_code: 'BBBB-BBBB' })).status)
  }
  expect(statuses.at(-1)).toBe(429)
  expect(statuses.slice(0, 30)).not.toContain(429)
})

test('the agent gets what it needs and no more', async () => {
  const form = { client_id: 'keydesk-agent', scope: 'openid Keydesk.EnrollDevice Keydesk.Access' }
  const { tokens } = await signedIn(form)
  expect(tokens.scope.split(' ')).not.toContain('Keydesk.Access')
  expect(tokens.refresh_token).toBeUndefined()
  const answer = await callWith(service, tokens.access_token, ME)
  expect(answer.json()).toMatchObject({ code: 'FORBIDDEN' })
})

test('a refresh gives a new pair, keeps the time of the sign-in, and can narrow', async () => {
  const { tokens } = await signedIn()
  const answer = await refresh(tokens.refresh_token, { scope: 'openid' })
  expect(answer.statusCode).toBe(200)
  const next = answer.json<Tokens>()
  expect(next.refresh_token).not.toBe(tokens.refresh_token)
  const [before, after] = [claimsOf(tokens.access_token), claimsOf(next.access_token)]
  expect(after).toMatchObject({ auth_time: before['auth_time'], acr: before['acr'] })
  expect((await callWith(service, tokens.access_token, ME)).statusCode).toBe(200)
  const refused = await callWith(service, next.access_token, ME)
  expect(refused.json()).toMatchObject({ code: 'FORBIDDEN' })
})

test('a refresh token that was used before ends the whole connection', async () => {
  const { tokens } = await signedIn()
  const next = (await refresh(tokens.refresh_token)).json<Tokens>()
  expect((await refresh(tokens.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' })
  expect((await refresh(next.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' })
})

test('a refresh token ends with its revocation, and others of the same person stay', async () => {
  const { account, tokens, browser } = await signedIn()
  const started = await start()
  await connect(browser, started, account)
  const other = (await pollLater(started)).json<Tokens>()
  const form = { token: tokens.refresh_token ?? '', client_id: 'keydesk-cli' }
  expect((await post('/oidc/token/revocation', form)).statusCode).toBe(200)
  expect((await refresh(tokens.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' })
  expect((await refresh(other.refresh_token)).statusCode).toBe(200)
})

test('a person who is disabled gets no further token and no answer', async () => {
  const { account, tokens } = await signedIn()
  await service.deps.db
    .updateTable('directory_user')
    .set({ is_active: false })
    .where('id', '=', account.id)
    .execute()
  expect((await refresh(tokens.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' })
  const answer = await callWith(service, tokens.access_token, ME)
  expect(answer.json()).toMatchObject({ code: 'UNAUTHENTICATED' })
})

test('a code that nobody confirms expires', async () => {
  await using own = await TestService.start()
  const answer = await own.app.inject({
    method: 'POST',
    url: '/oidc/device/auth',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams(CLI).toString(),
  })
  const started = answer.json<Started>()
  const form = { grant_type: GRANT, device_code: started.device_code, client_id: 'keydesk-cli' }
  // The library judges its codes by the time of the machine.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 11 * 60_000 })
  try {
    expect((await requestToken(own, form)).json()).toMatchObject({ error: 'expired_token' })
  } finally {
    vi.useRealTimers()
  }
})
