/**
 * ID tokens and answers that no real issuer makes: an issuer that cheats, in a process of its own.
 * Nobody may get a session by any of them.
 */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Cheat } from '../testing/hostile-issuer.ts'
import { CLIENT_ID, HostileIssuer } from '../../../../test/support/issuer-process.ts'
import { TestService } from '../testing/test-service.ts'
import { TestVisitor } from '../testing/test-visitor.ts'

let issuer: HostileIssuer
let service: TestService
let browser: TestVisitor
beforeAll(async () => {
  issuer = await HostileIssuer.start()
  service = await TestService.start({
    oidcIssuer: issuer.url,
    oidcClientId: CLIENT_ID,
    oidcClientSecretFile: issuer.secretFile,
  })
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await issuer[Symbol.asyncDispose]()
})
beforeEach(async () => {
  browser = new TestVisitor(service)
  await issuer.cheat({})
})

const now = Math.floor(Date.now() / 1000)

test('without cheating it is an issuer like any other', async () => {
  await browser.signIn()
  expect(browser.sessionCookie).toBeDefined()
})

const cheats: [string, Cheat][] = [
  ['for another client', { claims: { aud: 'another-client' } }],
  ['for several clients, given to another', { claims: { aud: [CLIENT_ID, 'b'], azp: 'b' } }],
  ['of another issuer', { claims: { iss: 'https://issuer.example' } }],
  ['that has expired', { claims: { exp: now - 3600, iat: now - 7200 } }],
  ['that never expires', { claims: { exp: null } }],
  ['that is not valid yet', { claims: { nbf: now + 3600 } }],
  ['of nobody', { claims: { sub: null } }],
  ['of an empty subject', { claims: { sub: '' } }],
  ['with another nonce', { claims: { nonce: 'another' } }],
  ['without a nonce', { claims: { nonce: null } }],
  ['with alg=none', { signature: 'none' }],
  ['without its signature', { signature: 'stripped' }],
  ['signed with a key that is not published', { signature: 'otherKey' }],
  ['signed with a key that it brings along', { signature: 'embeddedKey' }],
  ['signed with the client secret', { signature: 'clientSecret' }],
]

describe('an ID token', () => {
  test.each(cheats)('%s gives no session', async (_, cheat) => {
    await issuer.cheat(cheat)
    const answer = await browser.signIn()
    expect(answer.status).toBe(400)
    expect(answer.body).toContain('The sign-in could not be finished')
    expect(browser.sessionCookie).toBeUndefined()
  })
})

describe('an answer', () => {
  test.each<[string, Cheat]>([
    ['of another issuer (mix-up, RFC 9207)', { iss: 'https://issuer.example' }],
    ['that does not say of whom it is, although the issuer promised', { iss: null }],
  ])('%s is refused before the code is sent anywhere', async (_, cheat) => {
    const before = (await issuer.seen()).filter((one) => 'token' in one).length
    await issuer.cheat(cheat)
    expect((await browser.signIn()).status).toBe(400)
    expect((await issuer.seen()).filter((one) => 'token' in one)).toHaveLength(before)
    expect(browser.sessionCookie).toBeUndefined()
  })
})

describe('a request', () => {
  test('has PKCE with S256 whatever the issuer says that it can do', async () => {
    await issuer.cheat({ metadata: { code_challenge_methods_supported: ['plain'] } })
    await browser.signIn()
    const seen = await issuer.seen()
    const { authorization } =
      seen.findLast((one) => 'authorization' in one && !('token' in one)) ?? {}
    const { token } = seen.findLast((one) => 'token' in one) ?? {}
    expect(authorization).toMatchObject({ code_challenge_method: 'S256' })
    expect(token?.['code_verifier']).not.toBe(authorization?.['code_challenge'])
    expect(token?.['code_verifier']).toMatch(/^[\w-]{43,128}$/)
  })

  test('never has the same state, nonce or challenge as another', async () => {
    await browser.signIn()
    await new TestVisitor(service).signIn()
    const requests = (await issuer.seen()).flatMap((one) => ('token' in one ? [] : [one]))
    for (const name of ['state', 'nonce', 'code_challenge']) {
      const values = requests.map((one) => one['authorization']?.[name])
      expect(new Set(values).size).toBe(values.length)
    }
  })
})

describe('a step-up', () => {
  test.each([
    ['an hour ago', now - 3600, 'did not ask you to sign in again'],
    ['at a time that it does not say', null, 'does not say when you signed in'],
  ])('that the issuer says was %s does not count', async (_, authTime, text) => {
    await browser.signIn()
    const old = browser.sessionCookie
    await issuer.cheat({ claims: { auth_time: authTime } })
    const answer = await browser.signIn('?stepUp=1')
    expect(answer.status).toBe(400)
    expect(answer.body).toContain(text)
    expect(browser.sessionCookie).toBe(old)
  })

  test('is not satisfied by a sign-in whose time is not known', async () => {
    await issuer.cheat({ claims: { auth_time: null } })
    await browser.signIn()
    const me = JSON.parse((await browser.get('/api/v1/me')).body) as Record<string, unknown>
    expect(me).not.toHaveProperty('stepUpUntil')
    expect(me).not.toHaveProperty('authenticatedAt')
  })
})

test('an issuer that calls itself otherwise is not used', async () => {
  await issuer.cheat({ metadata: { issuer: `${issuer.url}/other` } })
  await using other = await TestService.start({
    oidcIssuer: issuer.url,
    oidcClientId: CLIENT_ID,
    oidcClientSecretFile: issuer.secretFile,
  })
  expect((await new TestVisitor(other).get('/sign-in')).status).toBe(503)
})

test('no page and no log line has what the issuer sent', async () => {
  await issuer.cheat({ claims: { aud: 'another-client' } })
  const answer = await browser.signIn()
  expect(answer.body).not.toContain('eyJ')
  expect(answer.body).not.toContain('another-client')
})

test('strangers begin as many sign-ins as they like without a row in the database', async () => {
  const states = async () =>
    await service.deps.db.selectFrom('used_sign_in_state').select('state_hash').execute()
  const before = await states()
  for (let times = 0; times < 20; times += 1) {
    const stranger = new TestVisitor(service)
    await stranger.get('/sign-in')
    await stranger.get('/sign-in/callback?state=made-up&code=made-up')
  }
  expect(await states()).toHaveLength(before.length)
})
