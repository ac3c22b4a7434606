/**
 * Signing in with an issuer of another make-up than ours: oidc-provider in a process of its own
 * (RS256, claims at the user info endpoint). Attackers first, then people.
 */

import { randomUUID } from 'node:crypto'
import type { Me } from '@keydesk/contract'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  CLIENT_ID,
  ForeignIssuer,
  type IssuerPerson,
} from '../../../../test/support/issuer-process.ts'
import type { Config } from '../config.ts'
import { insertTestUser } from '../testing/test-people.ts'
import { TestVisitor } from '../testing/test-visitor.ts'
import { TestService } from '../testing/test-service.ts'

const ORIGIN = 'https://keydesk.example'

let issuer: ForeignIssuer
let service: TestService
let browser: TestVisitor
beforeAll(async () => {
  issuer = await ForeignIssuer.start({ origin: ORIGIN })
  service = await TestService.start(settings(issuer))
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await issuer[Symbol.asyncDispose]()
})
beforeEach(() => {
  browser = new TestVisitor(service)
})

function settings(at: ForeignIssuer, more: Partial<Config> = {}): Partial<Config> {
  return {
    oidcIssuer: at.url,
    oidcClientId: CLIENT_ID,
    oidcClientSecretFile: at.secretFile,
    ...more,
  }
}

let count = 0
/** Somebody new, who signs in next. */
async function somebody(more: Partial<IssuerPerson> = {}): Promise<IssuerPerson> {
  count += 1
  const sub = more.sub ?? `person-${count}`
  const claims = { preferred_username: `${sub}@keydesk.example`, name: `Person ${sub}` }
  const person = { sub, ...more, claims: { ...claims, ...more.claims } }
  await issuer.person(person)
  return person
}

async function me(who = browser): Promise<Me | undefined> {
  const answer = await who.get('/api/v1/me')
  return answer.status === 200 ? (JSON.parse(answer.body) as Me) : undefined
}

async function userRow(sub: string) {
  return await service.deps.db
    .selectFrom('directory_user')
    .selectAll()
    .where('subject', '=', sub)
    .executeTakeFirstOrThrow()
}

describe('an attacker', () => {
  test('cannot have his own answer taken by the browser of another', async () => {
    const attacker = new TestVisitor(service)
    await somebody()
    const callback = await attacker.untilCallback()
    const answer = await browser.get(callback)
    expect(answer.status).toBe(400)
    expect(answer.body).toContain('not begun in this browser')
    expect(browser.sessionCookie).toBeUndefined()
  })

  test('cannot use a state of one attempt with the code of another', async () => {
    await somebody()
    const first = await browser.untilCallback()
    const second = await browser.untilCallback()
    second.searchParams.set('code', first.searchParams.get('code') ?? '')
    const answer = await browser.get(second)
    expect(answer.status).toBe(400)
    expect(answer.body).toContain('The answer of the issuer is not valid')
    expect(await me()).toBeUndefined()
  })

  test('cannot replay an answer, not even with the cookie that belongs to it', async () => {
    await somebody()
    const callback = await browser.untilCallback()
    const cookies = browser.jar
      .names(ORIGIN)
      .map((name) => [name, browser.jar.get(ORIGIN, name) ?? ''] as const)
    expect((await browser.get(callback)).status).toBe(303)
    const thief = new TestVisitor(service)
    for (const [name, value] of cookies) thief.jar.set(ORIGIN, name, value)
    const answer = await thief.get(callback)
    expect(answer.status).toBe(400)
    expect(answer.body).toContain('was used already')
    expect(thief.sessionCookie).toBeUndefined()
  })

  test('who sends an answer twice at the same moment gets one session', async () => {
    await somebody()
    const callback = await browser.untilCallback()
    const answers = await Promise.all([browser.get(callback), browser.get(callback)])
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([303, 400]))
  })

  test.each([
    [
      'of another issuer (mix-up)',
      (url: URL) => url.searchParams.set('iss', 'https://other.example'),
    ],
    ['of nobody', (url: URL) => url.searchParams.delete('iss')],
    ['without a code', (url: URL) => url.searchParams.delete('code')],
    ['with two codes', (url: URL) => url.searchParams.append('code', 'another')],
  ])('gets nothing for an answer %s', async (_, change) => {
    await somebody()
    const callback = await browser.untilCallback()
    change(callback)
    expect((await browser.get(callback)).status).toBe(400)
    expect(browser.sessionCookie).toBeUndefined()
  })

  test('cannot plant a session: signing in gives a new one, and what was there ends', async () => {
    await somebody()
    await browser.signIn()
    const planted = browser.sessionCookie ?? ''
    const victim = new TestVisitor(service)
    victim.jar.set(ORIGIN, '__Host-keydesk', planted)
    await somebody()
    await victim.signIn()
    expect(victim.sessionCookie).not.toBe(planted)
    expect(await me(victim)).toMatchObject({ name: `person-${count}@keydesk.example` })
    expect(await me(browser)).toBeUndefined()
  })

  test('cannot have a made-up cookie taken over', async () => {
    const planted = `${randomUUID()}.${'A'.repeat(43)}`
    browser.jar.set(ORIGIN, '__Host-keydesk', planted)
    await somebody()
    await browser.signIn()
    expect(browser.sessionCookie).not.toBe(planted)
    expect(await me()).toBeDefined()
  })

  test.each([
    '//attacker.example',
    '/\\attacker.example',
    'https://attacker.example/',
    '/.//attacker.example',
    '/\t/attacker.example',
    'javascript:alert(1)',
    '/sign-in',
    '/api/v1/me',
    '@attacker.example',
  ])('cannot make a link to Keydesk end at %j', async (returnTo) => {
    await somebody()
    const callback = await browser.untilCallback(`?returnTo=${encodeURIComponent(returnTo)}`)
    expect((await browser.get(callback)).location).toBe('/')
  })

  test('cannot take over an account by its name', async () => {
    const name = 'taken@keydesk.example'
    const userId = await insertTestUser(service.deps.db, { user_principal_name: name })
    await somebody({ claims: { preferred_username: 'TAKEN@keydesk.example', email: name } })
    const answer = await browser.signIn()
    expect(answer.status).toBe(403)
    expect(answer.body).toContain('belongs to another account')
    expect(await me()).toBeUndefined()
    const row = await service.deps.db
      .selectFrom('directory_user')
      .select('subject')
      .where('id', '=', userId)
      .executeTakeFirstOrThrow()
    expect(row.subject).toBeNull()
  })
})

describe('a person', () => {
  test('signs in, is known by the issuer’s name for him, and comes back where he was', async () => {
    const { sub } = await somebody({
      amr: ['pwd', 'otp'],
      claims: { email: 'mail@keydesk.example' },
    })
    const callback = await browser.untilCallback('?returnTo=%2Fdevices%3Fpage%3D2%23top')
    const answer = await browser.get(callback)
    expect(answer.location).toBe('/devices?page=2#top')
    expect(answer.headers['set-cookie']).toMatch(
      /__Host-keydesk=.*; Path=\/; HttpOnly; Secure; SameSite=Lax/,
    )
    expect(await me()).toMatchObject({
      type: 'user',
      name: `${sub}@keydesk.example`,
      displayName: `Person ${sub}`,
      methods: ['pwd', 'otp'],
      roles: [],
    })
    expect(await userRow(sub)).toMatchObject({
      source: 'issuer',
      issuer: issuer.url,
      mail: 'mail@keydesk.example',
    })
    // The cookies of the attempt are gone.
    expect(browser.jar.names(ORIGIN)).toEqual(['__Host-keydesk'])
  })

  test('is the same one at the next sign-in, with his new name', async () => {
    const { sub } = await somebody()
    await browser.signIn()
    const { id } = await userRow(sub)
    await somebody({
      sub,
      claims: { name: 'New\u202e Name', preferred_username: 'New@keydesk.example' },
    })
    await new TestVisitor(service).signIn()
    expect(await userRow(sub)).toMatchObject({
      id,
      display_name: 'New Name',
      user_principal_name: 'New@keydesk.example',
    })
    const actions = (await service.auditEntries()).filter(({ detail }) => detail['userId'] === id)
    expect(actions.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['user.create', 'user.update']),
    )
  })

  test('who was provisioned gets that account, and keeps its names', async () => {
    const sub = 'provisioned'
    const id = await insertTestUser(service.deps.db, { source: 'scim', external_id: sub })
    const other = await insertTestUser(service.deps.db, { source: 'scim', external_id: 'other' })
    await somebody({ sub })
    await browser.signIn()
    expect((await me())?.id).toBe(id)
    expect(await userRow(sub)).toMatchObject({ id, display_name: `user-${id.slice(0, 8)}` })
    expect(other).not.toBe(id)
  })

  test('who is disabled is told so and gets no session', async () => {
    const { sub } = await somebody()
    await browser.signIn()
    const { id } = await userRow(sub)
    await service.admin('PATCH', `/api/v1/users/${id}`, { isActive: false })
    expect(await me()).toBeUndefined()
    const again = await new TestVisitor(service).signIn()
    expect(again.status).toBe(403)
    expect(again.body).toContain('Your account is disabled')
    const refusal = (await service.auditEntries()).findLast(
      ({ action }) => action === 'signIn.refuse',
    )
    expect(refusal).toMatchObject({ outcome: 'denied', detail: { subject: sub } })
  })

  test('signs in after the issuer changed its keys', async () => {
    await somebody()
    await browser.signIn()
    await issuer.rotateKeys()
    await somebody()
    const other = new TestVisitor(service)
    await other.signIn()
    expect(await me(other)).toBeDefined()
  })

  test('signs out here and at the issuer', async () => {
    await somebody()
    await browser.signIn()
    const csrf = (await me())?.session?.csrfToken ?? ''
    const forged = await browser.post('/sign-out', { csrf: 'wrong' })
    expect(forged.status).toBe(403)
    expect(await me()).toBeDefined()
    const cookie = browser.sessionCookie ?? ''
    const answer = await browser.post('/sign-out', { csrf })
    expect(answer.headers['clear-site-data']).toContain('cache')
    expect(browser.sessionCookie).toBeUndefined()
    const next = new URL(/url=(\S+?)"/.exec(answer.body)?.[1]?.replaceAll('&#38;', '&') ?? '')
    expect(next.origin).toBe(issuer.url)
    expect(next.searchParams.get('id_token_hint')).toMatch(/^eyJ/)
    expect(next.searchParams.get('post_logout_redirect_uri')).toBe(`${ORIGIN}/sign-out/done`)
    // The issuer takes the hint and asks the person.
    expect((await browser.get(next)).status).toBe(200)
    browser.jar.set(ORIGIN, '__Host-keydesk', cookie)
    expect(await me()).toBeUndefined()
  })

  test('who has no session signs out without an error', async () => {
    const answer = await browser.post('/sign-out', {})
    expect(answer.body).toContain('/sign-out/done')
  })
})

describe('stepping up', () => {
  test('gives a new session to the same person, and ends the old one', async () => {
    await somebody()
    await browser.signIn()
    const old = browser.sessionCookie ?? ''
    const answer = await browser.signIn('?stepUp=1&returnTo=%2Fdevices')
    expect(answer.location).toBe('/devices')
    expect(browser.sessionCookie).not.toBe(old)
    expect((await me())?.stepUpUntil).toBeDefined()
    browser.jar.set(ORIGIN, '__Host-keydesk', old)
    expect(await me()).toBeUndefined()
  })

  test('asks the issuer for a sign-in of now', async () => {
    const answer = await browser.get('/sign-in?stepUp=1')
    const query = new URL(answer.location ?? '').searchParams
    expect(query.get('prompt')).toBe('login')
    expect(query.get('max_age')).toBe('0')
    expect(query.get('code_challenge_method')).toBe('S256')
  })

  test('as somebody else is refused, and the session stays', async () => {
    const first = await somebody()
    await browser.signIn()
    const old = browser.sessionCookie
    await somebody()
    browser.jar.forget(issuer.url)
    const answer = await browser.signIn('?stepUp=1')
    expect(answer.status).toBe(403)
    expect(answer.body).toContain('who is not the one signed in here')
    expect(browser.sessionCookie).toBe(old)
    expect(await me()).toMatchObject({ name: `${first.sub}@keydesk.example` })
  })

  test('twice at the same time leaves the person signed in, and the old session dead', async () => {
    await somebody()
    await browser.signIn()
    const old = browser.sessionCookie ?? ''
    const callbacks: URL[] = []
    for (let times = 0; times < 2; times += 1) {
      browser.jar.forget(issuer.url)
      callbacks.push(await browser.untilCallback('?stepUp=1'))
    }
    const answers = await Promise.all(
      callbacks.map(async (callback) => await browser.get(callback)),
    )
    expect(answers.map(({ status }) => status)).toEqual([303, 303])
    expect(await me()).toBeDefined()
    browser.jar.set(ORIGIN, '__Host-keydesk', old)
    expect(await me()).toBeUndefined()
  })
})

describe('the issuer', () => {
  test('may be away: the server starts, says so, and works when it is back', async () => {
    const away = await ForeignIssuer.start({ origin: ORIGIN })
    await away[Symbol.asyncDispose]()
    await using lonely = await TestService.start(settings(away))
    const answer = await new TestVisitor(lonely).get('/sign-in')
    expect(answer.status).toBe(503)
    expect(answer.headers['retry-after']).toBe('30')
    expect((await lonely.device()).deviceId).toBeDefined()
  })

  test('may want a key instead of a secret, and send its claims in the ID token', async () => {
    const { generateKeyPair, exportJWK } = await import('jose')
    const { writeFile } = await import('node:fs/promises')
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
    await using other = await ForeignIssuer.start({
      origin: ORIGIN,
      claimsInIdToken: true,
      client: {
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        client_secret: undefined,
        jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', use: 'sig' }] },
      },
    })
    const file = `${other.secretFile}.json`
    const jwk = { ...(await exportJWK(privateKey)), kid: 'k1', alg: 'ES256' }
    await writeFile(file, JSON.stringify(jwk))
    await using its = await TestService.start(
      settings(other, { oidcClientSecretFile: undefined, oidcPrivateKeyFile: file }),
    )
    await other.person({ sub: 'p', claims: { upn: 'p@keydesk.example', oid: 'object-id' } })
    const person = new TestVisitor(its)
    await person.signIn()
    expect(await me(person)).toMatchObject({ name: 'p@keydesk.example' })
    const row = await its.deps.db
      .selectFrom('directory_user')
      .select('subject')
      .where('issuer', '=', other.url)
      .executeTakeFirstOrThrow()
    expect(row.subject).toBe('object-id')
  })

  test('may know people who shall not get an account by signing in', async () => {
    await using closed = await TestService.start(settings(issuer, { oidcNewUsers: 'refuse' }))
    await somebody()
    const answer = await new TestVisitor(closed).signIn()
    expect(answer.status).toBe(403)
    expect(answer.body).toContain('accounts are not made by signing in')
  })
})
