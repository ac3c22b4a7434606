/** Access tokens of a configured issuer: its keys over HTTP, their rotation, what is refused. */

import { createHmac, createPrivateKey, randomUUID } from 'node:crypto'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { App } from '@keydesk/contract'
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createSigningKeys } from '../issuer/signing-keys.ts'
import { insertTestUser } from '../testing/test-people.ts'
import { callWith, TestProgram } from '../testing/test-program.ts'
import { insertTestAssignment } from '../testing/test-scopes.ts'
import { TestService } from '../testing/test-service.ts'

const AUDIENCE = 'api://keydesk'
const GLOBAL_READER = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451'

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>> & { readonly kid: string }

/** Publishes keys and nothing else; the tokens are made by the tests. */
class KeyIssuer {
  readonly #server: Server
  keys: KeyPair[] = []
  isDown = false
  asked = 0

  constructor() {
    this.#server = createServer((request, response) => {
      this.asked += 1
      void this.#answer(request.url ?? '', response)
    })
  }

  async listen(): Promise<void> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** RS256, as most issuers sign. */
  async addKey(): Promise<KeyPair> {
    const pair = { ...(await generateKeyPair('RS256')), kid: randomUUID() }
    this.keys = [...this.keys, pair]
    return pair
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    const body = path.startsWith('/.well-known')
      ? { issuer: this.url, jwks_uri: `${this.url}/keys` }
      : await this.#keySet()
    response.writeHead(this.isDown ? 503 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  }

  async #keySet(): Promise<object> {
    const keys = this.keys.map(async ({ publicKey, kid }) => ({
      ...(await exportJWK(publicKey)),
      kid,
      alg: 'RS256',
      use: 'sig',
    }))
    return { keys: await Promise.all(keys) }
  }
}

const issuer = new KeyIssuer()
let service: TestService
let key: KeyPair

beforeAll(async () => {
  await issuer.listen()
  key = await issuer.addKey()
  service = await TestService.start({ oidcIssuer: issuer.url, oidcAudience: AUDIENCE })
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  issuer.close()
})

const REFUSED = { status: 401, code: 'UNAUTHENTICATED' }

function times() {
  const iat = Math.floor(Date.now() / 1000)
  return { iat, nbf: iat, exp: iat + 600 }
}

async function person(of: TestService = service): Promise<{ subject: string; id: string }> {
  const subject = randomUUID()
  const id = await insertTestUser(of.deps.db, { source: 'issuer', issuer: issuer.url, subject })
  await insertTestAssignment(of.deps.db, { principalId: id, roleId: GLOBAL_READER })
  return { subject, id }
}

function userClaims(subject: string) {
  return { iss: issuer.url, aud: AUDIENCE, sub: 'pairwise', oid: subject, ...times() }
}

async function sign(
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
  signer: Parameters<SignJWT['sign']>[0] = key.privateKey,
): Promise<string> {
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: key.kid, ...header })
    .sign(signer)
}

test("a person's token opens what his roles and its scopes allow, in either spelling", async () => {
  const { subject } = await person()
  for (const scopes of [
    { scp: 'Device.Read.All' },
    { scope: 'openid Device.Read.All' },
    { scp: ['device.read.all'] },
  ]) {
    const token = await sign({ ...userClaims(subject), ...scopes })
    expect((await callWith(service, token)).statusCode).toBe(200)
  }
  const other = await sign({ ...userClaims(subject), scp: 'Group.Read.All' })
  expect((await callWith(service, other)).json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
})

test('somebody who is not known here is refused, and so is he without the claim that names him', async () => {
  const unknown = { ...userClaims(randomUUID()), scp: 'Device.Read.All' }
  expect((await callWith(service, await sign(unknown))).json()).toMatchObject(REFUSED)
  const nameless = { ...unknown, oid: 5 }
  expect((await callWith(service, await sign(nameless))).json()).toMatchObject(REFUSED)
})

test('an ID token is refused: it has no scope, or gives itself away', async () => {
  const { subject } = await person()
  const claims = userClaims(subject)
  for (const token of [
    await sign(claims),
    await sign({ ...claims, scp: 'Device.Read.All', nonce: 'n' }),
    await sign({ ...claims, scope: 'Device.Read.All', typ: 'ID' }),
    await sign({ ...claims, scp: 'Device.Read.All' }, { typ: 'logout+jwt' }),
    await sign({ ...claims, scp: 'Device.Read.All', aud: 'the-client-id' }),
  ]) {
    expect((await callWith(service, token)).json()).toMatchObject(REFUSED)
  }
})

test('none, HS256 with the public key, and keys of others sign nothing', async () => {
  const { subject } = await person()
  const claims = { ...userClaims(subject), scp: 'Device.Read.All' }
  const pem = await exportSPKI(key.publicKey)
  const body = (await sign(claims, {})).split('.')[1] ?? ''
  const head = Buffer.from(JSON.stringify({ alg: 'HS256', kid: key.kid })).toString('base64url')
  const mac = createHmac('sha256', pem).update(`${head}.${body}`).digest('base64url')
  const stranger = await generateKeyPair('RS256')
  for (const token of [
    new UnsecuredJWT(claims).encode(),
    `${head}.${body}.${mac}`,
    await sign(claims, {}, stranger.privateKey),
    await sign(claims, { kid: 'unknown' }, stranger.privateKey),
  ]) {
    expect((await callWith(service, token)).json()).toMatchObject(REFUSED)
  }
})

test.each([
  ['another audience', { aud: 'api://other' }],
  ['no audience', { aud: undefined }],
  ['a slash after the issuer', { iss: 'slash' }],
  ['an end in the past', { iat: 1_700_000_000, nbf: 1_700_000_000, exp: 1_700_000_600 }],
  ['no end', { exp: undefined }],
  ['a bound key', { cnf: { 'x5t#S256': 'x' } }],
])('a token with %s is refused', async (_, more) => {
  const { subject } = await person()
  const iss = 'iss' in more ? { iss: `${issuer.url}/` } : {}
  const claims = { ...userClaims(subject), scp: 'Device.Read.All', ...more, ...iss }
  expect((await callWith(service, await sign(claims))).json()).toMatchObject(REFUSED)
})

test.each([
  ['Entra ID', randomUUID()],
  ['Okta', '0oab8eb55Kb9jdMIr5d6'],
])(
  'a program of %s acts as the app that is registered with its client ID',
  async (name, client) => {
    const wanted = { displayName: name, externalClientId: client }
    const made = await service.admin('POST', '/api/v1/apps', wanted)
    expect(made.json()).toMatchObject(wanted)
    const { id: appId } = made.json<App>()
    const claims = (id: string, more: object) => ({
      iss: issuer.url,
      aud: AUDIENCE,
      sub: id,
      azp: id,
      ...times(),
      ...more,
    })
    const roles = { idtyp: 'app', roles: ['Device.Read.All'] }
    expect((await callWith(service, await sign(claims(client, roles)))).statusCode).toBe(200)
    const none = await sign(claims(client, { idtyp: 'app' }))
    expect((await callWith(service, none)).json()).toMatchObject({ code: 'FORBIDDEN' })
    // Its ID here is its name at the built-in issuer only: others choose theirs themselves.
    for (const id of [appId, randomUUID(), `${client}x`, '']) {
      expect((await callWith(service, await sign(claims(id, roles)))).json()).toMatchObject(REFUSED)
    }
    const token = await sign(claims(client, roles))
    await service.admin('PATCH', `/api/v1/apps/${appId}`, { isEnabled: false })
    expect((await callWith(service, token)).json()).toMatchObject(REFUSED)
  },
)

test("the roles of a person's token give him nothing", async () => {
  const subject = randomUUID()
  await insertTestUser(service.deps.db, { source: 'issuer', issuer: issuer.url, subject })
  const claims = { ...userClaims(subject), scp: 'Device.Read.All', roles: ['Device.Read.All'] }
  expect((await callWith(service, await sign(claims))).json()).toMatchObject({ code: 'FORBIDDEN' })
})

test('without a configured audience no token of the issuer is accepted', async () => {
  await using own = await TestService.start({ oidcIssuer: issuer.url })
  const { subject } = await person(own)
  const token = await sign({ ...userClaims(subject), scp: 'Device.Read.All' })
  expect((await callWith(own, token)).json()).toMatchObject(REFUSED)
})

test('accounts of this server do not sign in beside the issuer; apps of it do', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const started = await service.app.inject({
    method: 'POST',
    url: '/oidc/device/auth',
    headers,
    payload: 'client_id=keydesk-cli&scope=openid Keydesk.Access',
  })
  expect(started.json()).toMatchObject({ error: 'invalid_client' })
  const id = await insertTestUser(service.deps.db)
  await insertTestAssignment(service.deps.db, { principalId: id, roleId: GLOBAL_READER })
  const [own] = await createSigningKeys(service.deps).published()
  if (own === undefined) throw new Error('no key')
  const origin = service.deps.config.origin
  const claims = { iss: `${origin}/oidc`, aud: origin, sub: id, idtyp: 'user', ...times() }
  const privateKey = createPrivateKey({ key: own.privateJwk, format: 'jwk' })
  const header = { alg: 'ES256', typ: 'at+jwt', kid: own.id }
  const token = await sign({ ...claims, scope: 'Keydesk.Access' }, header, privateKey)
  expect((await callWith(service, token)).json()).toMatchObject(REFUSED)
  const program = await TestProgram.create(service, ['Device.Read.All'])
  expect((await callWith(service, await program.token())).statusCode).toBe(200)
})

test('new keys of the issuer work without a restart; keys are not fetched for every token', async () => {
  await using own = await TestService.start({ oidcIssuer: issuer.url, oidcAudience: AUDIENCE })
  const { subject } = await person(own)
  const claims = { ...userClaims(subject), scp: 'Device.Read.All' }
  const before = issuer.asked
  for (let count = 0; count < 5; count += 1) {
    expect((await callWith(own, await sign(claims))).statusCode).toBe(200)
  }
  expect(issuer.asked - before).toBe(2)
  const next = await issuer.addKey()
  const token = await sign(claims, { kid: next.kid }, next.privateKey)
  // Not at once: made-up names of keys would make us ask without end.
  expect((await callWith(own, token)).json()).toMatchObject(REFUSED)
  expect(issuer.asked - before).toBe(2)
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 11_000 })
  try {
    expect((await callWith(own, token)).statusCode).toBe(200)
  } finally {
    vi.useRealTimers()
  }
})

test('an issuer that is away is 503 with a time to come back, and nothing is believed', async () => {
  await using own = await TestService.start({ oidcIssuer: issuer.url, oidcAudience: AUDIENCE })
  const { subject } = await person(own)
  const token = await sign({ ...userClaims(subject), scp: 'Device.Read.All' })
  issuer.isDown = true
  const answer = await callWith(own, token)
  issuer.isDown = false
  expect(answer.json()).toMatchObject({ status: 503, code: 'ISSUER_UNAVAILABLE' })
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  expect((await callWith(own, token)).statusCode).toBe(200)
})
