/** Programs prove themselves to the issuer by a secret or a key, and only while they may. */

import { createHash, randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callWith, claimsOf, requestToken, TestProgram } from '../testing/test-program.ts'
import { TestService } from '../testing/test-service.ts'

const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const ORIGIN = 'https://keydesk.example'

let service: TestService
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => await service[Symbol.asyncDispose]())

const INVALID_CLIENT = { error: 'invalid_client' }

async function keyPair(program: TestProgram) {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const { kty, crv, x, y } = await exportJWK(publicKey)
  const answer = await service.admin('POST', `/api/v1/apps/${program.id}/public-keys`, {
    name: 'key',
    expiresInSeconds: 3600,
    publicKey: { kty, crv, x, y },
  })
  return { privateKey, credential: answer.json<{ id: string; keyId: string }>() }
}

async function assertion(
  id: string,
  privateKey: Parameters<SignJWT['sign']>[0],
  more: Record<string, unknown> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: id, sub: id, aud: `${ORIGIN}/oidc`, iat: now, exp: now + 120 }
  return await new SignJWT({ ...claims, jti: randomUUID(), ...more })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(privateKey)
}

async function askWithAssertion(jwt: string) {
  const form = { grant_type: 'client_credentials', client_assertion_type: ASSERTION }
  return await requestToken(service, { ...form, client_assertion: jwt })
}

test('a secret gives a token that says who it is, for what, and opens no more', async () => {
  const program = await TestProgram.create(service, ['Device.Read.All'])
  const token = await program.token()
  expect(claimsOf(token)).toMatchObject({
    iss: `${ORIGIN}/oidc`,
    aud: ORIGIN,
    sub: program.id,
    client_id: program.id,
    idtyp: 'app',
    roles: ['Device.Read.All'],
  })
  expect((await callWith(service, token)).statusCode).toBe(200)
  const refused = await callWith(service, token, '/api/v1/audit/entries')
  expect(refused.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
})

test('the secret works in the body too, and the list shows its last use but never the secret', async () => {
  const program = await TestProgram.create(service, ['Device.Read.All'])
  const answer = await requestToken(service, {
    grant_type: 'client_credentials',
    client_id: program.id,
    client_secret: program.secret.secret,
  })
  expect(answer.statusCode).toBe(200)
  const shown = await service.admin('GET', `/api/v1/apps/${program.id}`)
  const [credential] = shown.json<{ credentials: { lastUsedAt?: string; hint: string }[] }>()
    .credentials
  expect(credential?.lastUsedAt).toBe(service.deps.clock.now().toISOString())
  expect(credential?.hint).toBe(program.secret.secret.slice(-4))
  expect(shown.body).not.toContain(program.secret.secret)
})

test('a wrong secret is refused and recorded', async () => {
  const program = await TestProgram.create(service)
  const secret = program.secret.secret
  const changed = secret.slice(0, -1) + (secret.endsWith('A') ? 'B' : 'A')
  for (const wrong of [changed, '', createHash('sha256').update(secret).digest('hex')]) {
    const answer = await program.ask({}, wrong)
    expect(answer.statusCode).toBeGreaterThanOrEqual(400)
    expect(answer.body).not.toContain('access_token')
  }
  const denied = (await service.auditEntries()).filter(({ action }) => action === 'request.deny')
  expect(denied.at(-1)?.detail).toMatchObject({ route: 'POST /oidc/token' })
})

test('the secret of one app does not prove another', async () => {
  const [one, other] = [await TestProgram.create(service), await TestProgram.create(service)]
  expect((await one.ask({}, other.secret.secret)).json()).toMatchObject(INVALID_CLIENT)
})

test('a secret whose row a database writer moves to another app proves neither', async () => {
  const [one, other] = [await TestProgram.create(service), await TestProgram.create(service)]
  await service.deps.db
    .updateTable('app_credential')
    .set({ app_id: other.id })
    .where('id', '=', one.secret.id)
    .execute()
  expect((await other.ask({}, one.secret.secret)).json()).toMatchObject(INVALID_CLIENT)
  expect((await one.ask()).json()).toMatchObject(INVALID_CLIENT)
})

test('a revoked secret and an expired one give nothing any more', async () => {
  await using own = await TestService.start()
  const [one, other] = [await TestProgram.create(own), await TestProgram.create(own)]
  const path = `/api/v1/apps/${one.id}/credentials/${one.secret.id}`
  expect((await own.admin('DELETE', path)).json()).toMatchObject({ state: 'revoked' })
  expect((await one.ask()).json()).toMatchObject(INVALID_CLIENT)
  expect((await other.ask()).statusCode).toBe(200)
  own.deps.clock.advance(86_401)
  expect((await other.ask()).json()).toMatchObject(INVALID_CLIENT)
})

test('a disabled app gets no token, its tokens get no answer, and they do not come back', async () => {
  const program = await TestProgram.create(service, ['Device.Read.All'])
  const token = await program.token()
  const path = `/api/v1/apps/${program.id}`
  // Tokens have the time of the machine; the test's clock stood still meanwhile.
  service.deps.clock.advance(60)
  expect((await service.admin('PATCH', path, { isEnabled: false })).statusCode).toBe(200)
  expect((await program.ask()).json()).toMatchObject(INVALID_CLIENT)
  expect((await callWith(service, token)).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
  expect((await service.admin('PATCH', path, { isEnabled: true })).statusCode).toBe(200)
  expect((await callWith(service, token)).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
})

test('a deleted app is gone at once', async () => {
  const program = await TestProgram.create(service, ['Device.Read.All'])
  const token = await program.token()
  expect((await service.admin('DELETE', `/api/v1/apps/${program.id}`)).statusCode).toBe(204)
  expect((await program.ask()).json()).toMatchObject(INVALID_CLIENT)
  expect((await callWith(service, token)).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
})

test('an app role that is taken away ends with the tokens that named it', async () => {
  const program = await TestProgram.create(service, ['Device.Read.All'])
  const token = await program.token()
  await service.admin('PATCH', `/api/v1/apps/${program.id}`, { appRoles: [] })
  expect((await callWith(service, token)).json()).toMatchObject({ code: 'FORBIDDEN' })
})

test('a scope narrows the token; .default asks for all', async () => {
  const program = await TestProgram.create(service, ['Device.Read.All', 'AuditLog.Read.All'])
  const narrow = await program.token({ scope: 'AuditLog.Read.All' })
  expect(claimsOf(narrow)).toMatchObject({
    scope: 'AuditLog.Read.All',
    roles: ['AuditLog.Read.All'],
  })
  expect((await callWith(service, narrow)).json()).toMatchObject({ code: 'FORBIDDEN' })
  expect((await callWith(service, narrow, '/api/v1/audit/entries')).statusCode).toBe(200)
  const all = await program.token({ scope: `${ORIGIN}/.default` })
  expect((await callWith(service, all)).statusCode).toBe(200)
})

test.each(['Keydesk.Access', 'Sites.Read.All', 'openid'])(
  'the scope %s, which no app can have, is refused',
  async (scope) => {
    const program = await TestProgram.create(service, ['Device.Read.All'])
    expect((await program.ask({ scope })).json()).toMatchObject({ error: 'invalid_scope' })
  },
)

test('a token for another service is not given', async () => {
  const program = await TestProgram.create(service)
  const answer = await program.ask({ resource: 'https://other.example' })
  expect(answer.json()).toMatchObject({ error: 'invalid_target' })
})

test('no grant but the ones of its kind works for an app', async () => {
  const program = await TestProgram.create(service)
  for (const grant_type of ['password', 'authorization_code', 'refresh_token', 'implicit']) {
    const answer = await program.ask({ grant_type, code: 'x', refresh_token: 'x' })
    expect(answer.statusCode).toBe(400)
    expect(answer.body).not.toContain('access_token')
  }
})

test('a key of its own proves an app that has secrets too', async () => {
  const program = await TestProgram.create(service, ['Device.Read.All'])
  const { privateKey, credential } = await keyPair(program)
  const answer = await askWithAssertion(await assertion(program.id, privateKey))
  expect(answer.statusCode).toBe(200)
  const { access_token: token } = answer.json<{ access_token: string }>()
  expect((await callWith(service, token)).statusCode).toBe(200)
  expect((await program.ask()).statusCode).toBe(200)
  const shown = await service.admin('GET', `/api/v1/apps/${program.id}`)
  const { credentials } = shown.json<{ credentials: { id: string; lastUsedAt?: string }[] }>()
  expect(credentials.find(({ id }) => id === credential.id)?.lastUsedAt).toBeDefined()
})

test('an assertion works once', async () => {
  const program = await TestProgram.create(service)
  const { privateKey } = await keyPair(program)
  const jwt = await assertion(program.id, privateKey)
  expect((await askWithAssertion(jwt)).statusCode).toBe(200)
  expect((await askWithAssertion(jwt)).json()).toMatchObject(INVALID_CLIENT)
})

test('an assertion of another key, audience, time or length is refused', async () => {
  const program = await TestProgram.create(service)
  const { privateKey } = await keyPair(program)
  const stranger = await generateKeyPair('ES256')
  const now = Math.floor(Date.now() / 1000)
  const refused = [
    await assertion(program.id, stranger.privateKey),
    await assertion(program.id, privateKey, { aud: 'https://other.example' }),
    await assertion(program.id, privateKey, { iss: randomUUID() }),
    await assertion(program.id, privateKey, { iat: now - 200, exp: now - 100 }),
    await assertion(program.id, privateKey, { exp: now + 3600 }),
    await assertion(program.id, privateKey, { jti: undefined }),
  ]
  for (const jwt of refused) {
    expect((await askWithAssertion(jwt)).json()).toMatchObject(INVALID_CLIENT)
  }
})

test('a key that a database writer puts into a row does not prove the app', async () => {
  const program = await TestProgram.create(service)
  const { credential } = await keyPair(program)
  const attacker = await generateKeyPair('ES256')
  const { kty, crv, x, y } = await exportJWK(attacker.publicKey)
  await service.deps.db
    .updateTable('app_credential')
    .set({ public_jwk: JSON.stringify({ kty, crv, x, y, kid: credential.keyId }) })
    .where('id', '=', credential.id)
    .execute()
  const answer = await askWithAssertion(await assertion(program.id, attacker.privateKey))
  expect(answer.json()).toMatchObject(INVALID_CLIENT)
})

test('a client that does not exist is refused like a wrong secret', async () => {
  const program = await TestProgram.create(service)
  const form = { grant_type: 'client_credentials', client_secret: 'wrong' }
  const [unknown, wrong] = await Promise.all(
    [randomUUID(), program.id].map((id) => requestToken(service, { ...form, client_id: id })),
  )
  expect(unknown?.json()).toEqual(wrong?.json())
  expect(unknown?.statusCode).toBe(wrong?.statusCode)
})
