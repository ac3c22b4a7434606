/** The code grant, as the portal uses it and as an attacker would. */

import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestAccount, PASSWORD, type TestAccount } from '../testing/test-account.ts'
import { TestBrowser, type TestPage } from '../testing/test-browser.ts'
import { claimsOf, requestToken } from '../testing/test-program.ts'
import { TestService } from '../testing/test-service.ts'
import { portalClient } from './clients.ts'

let service: TestService
let account: TestAccount
beforeAll(async () => {
  service = await TestService.start()
  account = await createTestAccount(service)
})
afterAll(async () => await service[Symbol.asyncDispose]())

const VERIFIER = randomBytes(32).toString('base64url')
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')
const ORIGIN = 'https://keydesk.example'
const REDIRECT = `${ORIGIN}/sign-in/callback`

function request(more: Readonly<Record<string, string | undefined>> = {}): string {
  const parameters = {
    client_id: 'keydesk-portal',
    redirect_uri: REDIRECT,
    response_type: 'code',
    scope: 'openid profile email',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    state: 'the-state',
    nonce: 'the-nonce',
    ...more,
  }
  const given = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) given.set(name, value)
  }
  return `/oidc/auth?${given.toString()}`
}

/** Where one request leads, without following. */
async function visit(browser: TestBrowser, url: string) {
  const path = url.startsWith(ORIGIN) ? url.slice(ORIGIN.length) : url
  const cookies = [...browser.cookies]
    .filter(([, cookie]) => path.startsWith(cookie.path))
    .map(([name, { value }]) => `${name}=${value}`)
  return await service.app.inject({
    url: path,
    headers: { cookie: cookies.join('; '), accept: 'text/html' },
  })
}

/** Signs in up to the redirect that brings the code, which is not followed. */
async function obtainCode(
  more: Readonly<Record<string, string | undefined>> = {},
  browser = new TestBrowser(service),
): Promise<URL> {
  const page = await browser.open(request(more))
  if (page.url.startsWith('/sign-in/with/')) {
    await signIn(browser, page)
  }
  // Signed in now: the issuer answers at once.
  const answer = await visit(browser, request(more))
  expect(answer.statusCode).toBe(303)
  return new URL(String(answer.headers.location))
}

async function signIn(browser: TestBrowser, page: TestPage): Promise<TestPage> {
  const form = { userName: account.userName, password: PASSWORD }
  return await browser.submit(page, page.url.split('?')[0] ?? '', form)
}

async function redeem(code: string | null, more: Readonly<Record<string, string>> = {}) {
  const { clientId, clientSecret } = portalClient(service.deps)
  const basic = Buffer.from(`${clientId}:${clientSecret.reveal()}`).toString('base64')
  const form = {
    grant_type: 'authorization_code',
    code: code ?? '',
    redirect_uri: REDIRECT,
    code_verifier: VERIFIER,
    ...more,
  }
  return await requestToken(service, form, { authorization: `Basic ${basic}` })
}

const INVALID_GRANT = { error: 'invalid_grant' }

test('a code gives an ID token that says who signed in, when and how', async () => {
  const callback = await obtainCode()
  expect(callback.searchParams.get('state')).toBe('the-state')
  expect(callback.searchParams.get('iss')).toBe(`${ORIGIN}/oidc`)
  const answer = await redeem(callback.searchParams.get('code'))
  expect(answer.statusCode).toBe(200)
  const { id_token: idToken } = answer.json<{ id_token: string }>()
  expect(claimsOf(idToken)).toMatchObject({
    iss: `${ORIGIN}/oidc`,
    aud: 'keydesk-portal',
    sub: account.id,
    nonce: 'the-nonce',
    preferred_username: account.userName,
    acr: 'urn:keydesk:acr:password',
    amr: ['pwd'],
  })
  expect(claimsOf(idToken)['auth_time']).toBeTypeOf('number')
})

test('an ID token opens nothing at the API', async () => {
  const answer = await redeem((await obtainCode()).searchParams.get('code'))
  const tokens = answer.json<{ id_token: string; access_token: string }>()
  for (const token of [tokens.id_token, tokens.access_token]) {
    const headers = { authorization: `Bearer ${token}` }
    const refused = await service.app.inject({ url: '/api/v1/me', headers })
    expect(refused.statusCode).toBeGreaterThanOrEqual(401)
    expect(refused.statusCode).toBeLessThanOrEqual(403)
  }
})

test('a code works once', async () => {
  const code = (await obtainCode()).searchParams.get('code')
  expect((await redeem(code)).statusCode).toBe(200)
  expect((await redeem(code)).json()).toMatchObject(INVALID_GRANT)
  expect((await redeem(code)).json()).toMatchObject(INVALID_GRANT)
})

test('of many uses of a code at the same moment at most one succeeds', async () => {
  const code = (await obtainCode()).searchParams.get('code')
  const answers = await Promise.all(Array.from({ length: 6 }, async () => await redeem(code)))
  expect(answers.filter(({ statusCode }) => statusCode === 200).length).toBeLessThanOrEqual(1)
})

test('a stolen code is worth nothing without its verifier', async () => {
  for (const code_verifier of ['', randomBytes(32).toString('base64url'), CHALLENGE]) {
    const code = (await obtainCode()).searchParams.get('code')
    expect((await redeem(code, { code_verifier })).json()).toMatchObject(INVALID_GRANT)
  }
})

test.each([
  ['no challenge', { code_challenge: undefined, code_challenge_method: undefined }],
  ['a plain challenge', { code_challenge: VERIFIER, code_challenge_method: 'plain' }],
  ['a challenge without its method', { code_challenge_method: undefined }],
])('a request with %s gets no code', async (_, more) => {
  const answer = await visit(new TestBrowser(service), request(more))
  const target = new URL(String(answer.headers.location))
  expect(target.searchParams.get('error')).toBe('invalid_request')
  expect(target.searchParams.get('code')).toBeNull()
})

test.each([
  ['another origin', 'https://attacker.example/sign-in/callback'],
  ['another path', `${ORIGIN}/readyz`],
  ['a longer path', `${REDIRECT}/../../x`],
  ['a query', `${REDIRECT}?x=1`],
  ['user info', 'https://keydesk.example@attacker.example/sign-in/callback'],
  ['a script', 'javascript:alert(1)'],
])('a redirect address with %s is an error page here, not a redirect', async (_, redirect_uri) => {
  const answer = await visit(new TestBrowser(service), request({ redirect_uri }))
  expect(answer.statusCode).toBe(400)
  expect(answer.headers.location).toBeUndefined()
  expect(answer.body).toContain('This sign-in cannot go on')
  expect(answer.body).not.toContain('<script')
  expect(answer.headers['content-security-policy']).toContain("default-src 'none'")
})

test('a code is redeemed with the address that it was sent to', async () => {
  const code = (await obtainCode()).searchParams.get('code')
  const redirect_uri = `${ORIGIN}/other`
  expect((await redeem(code, { redirect_uri })).json()).toMatchObject(INVALID_GRANT)
})

test.each(['token', 'id_token', 'code id_token', 'code token', 'none'])(
  'there is no response type %s',
  async (response_type) => {
    const answer = await visit(new TestBrowser(service), request({ response_type }))
    expect(answer.headers.location ?? '').not.toMatch(/access_token|id_token=|[?&#]code=/)
    expect(`${answer.headers.location} ${answer.body}`).toMatch(
      /unsupported_response_type|response_mode\+is\+not\+allowed/,
    )
  },
)

test.each(['form_post', 'fragment', 'web_message'])(
  'the answer never comes as %s',
  async (response_mode) => {
    const answer = await visit(new TestBrowser(service), request({ response_mode }))
    expect(answer.body).not.toContain('<script')
    expect(answer.headers.location ?? '').not.toContain('code=')
  },
)

test('prompt=none asks nobody, and prompt=login asks somebody who is signed in', async () => {
  const silent = await visit(new TestBrowser(service), request({ prompt: 'none' }))
  const { searchParams } = new URL(String(silent.headers.location))
  expect(searchParams.get('error')).toBe('login_required')
  const browser = new TestBrowser(service)
  await obtainCode({}, browser)
  const again = await browser.open(request({ prompt: 'login' }))
  expect(again.url).toMatch(/^\/sign-in\/with\//)
})

test('a second factor that is wanted and was not used leads to the sign-in', async () => {
  const browser = new TestBrowser(service)
  await obtainCode({}, browser)
  const page = await browser.open(request({ acr_values: 'urn:keydesk:acr:mfa' }))
  expect(page.url).toMatch(/^\/sign-in\/with\//)
})

test('an interaction belongs to the browser that began it', async () => {
  const [victim, attacker] = [new TestBrowser(service), new TestBrowser(service)]
  const page = await victim.open(request())
  const stolen = await attacker.open(page.url)
  expect(stolen.status).toBe(404)
  // With the address of a step of another one, and cookies of his own.
  const own = await attacker.open(request())
  expect(own.url).not.toBe(page.url)
  expect((await attacker.open(page.url)).status).toBe(404)
})

test('the session of the issuer gets a new name when somebody signs in', async () => {
  const browser = new TestBrowser(service)
  await browser.open('/oidc/device')
  const before = browser.cookies.get('__Host-keydesk-issuer')?.value
  expect(before).toBeDefined()
  await obtainCode({}, browser)
  const after = browser.cookies.get('__Host-keydesk-issuer')?.value
  expect(after).toBeDefined()
  expect(after).not.toBe(before)
})

test('its cookies are for this host, HTTPS and no script, and signed', async () => {
  const answer = await visit(new TestBrowser(service), '/oidc/device')
  const cookies = [answer.headers['set-cookie'] ?? []].flat().map((text) => text.toLowerCase())
  expect(cookies.length).toBeGreaterThan(1)
  for (const cookie of cookies) {
    expect(cookie).toMatch(/^__(host|secure)-keydesk/)
    for (const part of ['secure', 'httponly', 'samesite=lax']) expect(cookie).toContain(part)
    expect(cookie).not.toContain('domain=')
  }
  expect(cookies.some((cookie) => cookie.startsWith('__host-keydesk-issuer.sig='))).toBe(true)
})

test('the address of the service comes from its configuration, not from a header', async () => {
  const answer = await service.app.inject({
    url: '/oidc/.well-known/openid-configuration',
    headers: {
      host: 'attacker.example',
      'x-forwarded-host': 'attacker.example',
      'x-forwarded-proto': 'http',
      forwarded: 'host=attacker.example',
    },
  })
  expect(answer.body).not.toContain('attacker')
  expect(answer.json()).toMatchObject({
    issuer: `${ORIGIN}/oidc`,
    token_endpoint: `${ORIGIN}/oidc/token`,
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    id_token_signing_alg_values_supported: ['ES256'],
  })
})
