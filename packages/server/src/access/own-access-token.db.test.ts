/** What passes as an access token of the built-in issuer, and what must not. */

import { createPrivateKey, randomUUID } from 'node:crypto'
import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSigningKeys, type SigningKey } from '../issuer/signing-keys.ts'
import { insertTestUser } from '../testing/test-people.ts'
import { callWith, claimsOf, TestProgram } from '../testing/test-program.ts'
import { insertTestAssignment } from '../testing/test-scopes.ts'
import { TestService } from '../testing/test-service.ts'
import { ACR_MFA } from './step-up-acr.ts'

let service: TestService
let key: SigningKey
beforeAll(async () => {
  service = await TestService.start()
  const [signing] = await createSigningKeys(service.deps).published()
  if (signing === undefined) throw new Error('no key')
  key = signing
})
afterAll(async () => await service[Symbol.asyncDispose]())

const ORIGIN = 'https://keydesk.example'
const GLOBAL_READER = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451'
const UNAUTHENTICATED = {
  status: 401,
  code: 'UNAUTHENTICATED',
  detail: 'The access token is not valid here.',
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}

function userClaims(userId: string) {
  return {
    iss: `${ORIGIN}/oidc`,
    aud: ORIGIN,
    sub: userId,
    client_id: 'keydesk-cli',
    idtyp: 'user',
    scope: 'openid Keydesk.Access',
    acr: ACR_MFA,
    iat: now(),
    exp: now() + 600,
  }
}

/** With the issuer's real key, unless told otherwise. */
async function sign(
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
  privateKey: Parameters<SignJWT['sign']>[0] = createPrivateKey({
    key: key.privateJwk,
    format: 'jwk',
  }),
): Promise<string> {
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: key.id, ...header })
    .sign(privateKey)
}

async function reader(): Promise<string> {
  const id = await insertTestUser(service.deps.db)
  await insertTestAssignment(service.deps.db, { principalId: id, roleId: GLOBAL_READER })
  return id
}

test('a token of a person opens what his roles and its scopes both allow', async () => {
  const claims = userClaims(await reader())
  expect((await callWith(service, await sign(claims))).statusCode).toBe(200)
  const narrow = await sign({ ...claims, scope: 'openid Group.Read.All' })
  expect((await callWith(service, narrow)).json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  const none = await sign({ ...claims, scope: undefined })
  expect((await callWith(service, none)).json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
})

test('a token without a signature is refused, however alg is written', async () => {
  const claims = userClaims(await reader())
  const unsecured = new UnsecuredJWT(claims).encode()
  expect((await callWith(service, unsecured)).json()).toMatchObject(UNAUTHENTICATED)
  const payload = unsecured.split('.')[1] ?? ''
  for (const alg of ['none', 'None', 'NONE', 'nOnE']) {
    const header = Buffer.from(JSON.stringify({ alg, typ: 'at+jwt', kid: key.id }))
    const token = `${header.toString('base64url')}.${payload}.`
    expect((await callWith(service, token)).json()).toMatchObject({ status: 401 })
  }
})

test('the public key as a shared secret signs nothing', async () => {
  const claims = userClaims(await reader())
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' })
  const der = key.publicKey.export({ type: 'spki', format: 'der' })
  const jwk = JSON.stringify(key.publicKey.export({ format: 'jwk' }))
  for (const secret of [Buffer.from(pem), der, Buffer.from(jwk)]) {
    const token = await sign(claims, { alg: 'HS256' }, secret)
    expect((await callWith(service, token)).json()).toMatchObject(UNAUTHENTICATED)
  }
})

test('a key that the token brings along is not asked', async () => {
  const claims = userClaims(await reader())
  const attacker = await generateKeyPair('ES256', { extractable: true })
  const jwk = { kty: 'EC', crv: 'P-256', x: key.privateJwk.x, y: key.privateJwk.y }
  for (const header of [{ jwk }, { jku: 'https://attacker.example/keys' }, { kid: randomUUID() }]) {
    const token = await sign(claims, header, attacker.privateKey)
    expect((await callWith(service, token)).json()).toMatchObject(UNAUTHENTICATED)
  }
})

test.each([
  ['another audience', { aud: 'https://other.example' }],
  ['another issuer', { iss: 'https://other.example/oidc' }],
  ['an issuer that only begins like ours', { iss: `${ORIGIN}/oidc/` }],
  ['an end in the past', { iat: now() - 7200, exp: now() - 3600 }],
  ['no end', { exp: undefined }],
  ['a beginning in the future', { nbf: now() + 3600 }],
  ['no subject', { sub: undefined }],
  ['no kind', { idtyp: undefined }],
  ['a proof of possession that nobody checks', { cnf: { jkt: 'x' } }],
])('a token with %s is refused', async (_, more) => {
  const token = await sign({ ...userClaims(await reader()), ...more })
  expect((await callWith(service, token)).json()).toMatchObject(UNAUTHENTICATED)
})

test('an ID token is no access token, nor is a logout token', async () => {
  const claims = userClaims(await reader())
  const idToken = await sign({ ...claims, nonce: 'n', at_hash: 'h' }, { typ: 'JWT' })
  const disguised = await sign({ ...claims, nonce: 'n' })
  const logout = await sign({ ...claims, events: {} }, { typ: 'logout+jwt' })
  for (const token of [idToken, disguised, logout]) {
    expect((await callWith(service, token)).json()).toMatchObject(UNAUTHENTICATED)
  }
})

test('a token of a user does not pass as one of an app, nor the other way round', async () => {
  const userId = await reader()
  const program = await TestProgram.create(service, ['Device.Read.All'])
  const asApp = await sign({ ...userClaims(userId), idtyp: 'app', client_id: userId })
  const asUser = await sign({ ...claimsOf(await program.token()), idtyp: 'user' })
  const ofOther = await sign({ ...claimsOf(await program.token()), client_id: randomUUID() })
  for (const token of [asApp, asUser, ofOther]) {
    expect((await callWith(service, token)).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
  }
})

test('a user who is disabled or deleted is refused with the token that he has', async () => {
  for (const change of [
    { is_active: false },
    { is_active: false, deleted_at: new Date() },
    { credentials_valid_after: new Date(Date.now() + 1000) },
  ]) {
    const id = await reader()
    const token = await sign(userClaims(id))
    expect((await callWith(service, token)).statusCode).toBe(200)
    const { db } = service.deps
    await db.updateTable('directory_user').set(change).where('id', '=', id).execute()
    expect((await callWith(service, token)).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
  }
})

test('a token signed after a reset, by a sign-in from before it, is refused', async () => {
  const id = await reader()
  const claims = { ...userClaims(id), iat: now(), auth_time: now() - 20 }
  expect((await callWith(service, await sign(claims))).statusCode).toBe(200)
  await service.deps.db
    .updateTable('directory_user')
    .set({ credentials_valid_after: new Date(Date.now() - 10_000) })
    .where('id', '=', id)
    .execute()
  const refused = await callWith(service, await sign(claims))
  expect(refused.json()).toMatchObject({ code: 'UNAUTHENTICATED' })
})

test('another deployment with the same address signs nothing that counts here', async () => {
  await using other = await TestService.start()
  const program = await TestProgram.create(other, ['Device.Read.All'])
  const token = await program.token()
  expect((await callWith(other, token)).statusCode).toBe(200)
  expect((await callWith(service, token)).json()).toMatchObject(UNAUTHENTICATED)
})

test.each(['a.b.c', 'eyJhbGciOiJFUzI1NiJ9.e30.', '...', 'x', 'eyJ.eyJ.eyJ'])(
  'what is no token is refused: %s',
  async (token) => {
    expect((await callWith(service, token)).json()).toMatchObject({ status: 401 })
  },
)
