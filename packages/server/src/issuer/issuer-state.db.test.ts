/** What the issuer stores is of no use to whoever reads or writes the database. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildApp } from '../app.ts'
import { endSignIns } from '../directory/end-sign-ins.ts'
import { createTestAccount } from '../testing/test-account.ts'
import { signInByDeviceCode } from '../testing/sign-in-by-device-code.ts'
import { callWith, claimsOf, requestToken, TestProgram } from '../testing/test-program.ts'
import { TestService } from '../testing/test-service.ts'
import { forgetExpiredState } from './forget-expired-state.ts'
import { createSigningKeys, keepSigningKeys } from './signing-keys.ts'

let service: TestService
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => await service[Symbol.asyncDispose]())

const CLI = { clientId: 'keydesk-cli', scope: 'openid offline_access Keydesk.Access' }
const DAY = 86_400

async function connected() {
  const account = await createTestAccount(service)
  return { account, tokens: await signInByDeviceCode(service, account, CLI) }
}

async function refresh(token: string | undefined) {
  const form = { grant_type: 'refresh_token', client_id: 'keydesk-cli', refresh_token: token ?? '' }
  return await requestToken(service, form)
}

/** The row that a refresh token of the account lies in. */
function refreshTokens(accountId: string) {
  return service.deps.db
    .selectFrom('issuer_state')
    .selectAll()
    .where('model', '=', 'RefreshToken')
    .where('account_id', '=', accountId)
}

test('the database holds no token, code or private key', async () => {
  const { account, tokens } = await connected()
  const rows = await service.deps.db.selectFrom('issuer_state').selectAll().execute()
  const keys = await service.deps.db.selectFrom('issuer_key').selectAll().execute()
  const stored = JSON.stringify([rows, keys], (_, value: unknown) =>
    isBufferJson(value) ? Buffer.from(value.data).toString('latin1') : value,
  )
  expect(stored).toContain(account.id)
  expect(stored).not.toContain(tokens.refresh_token)
  expect(stored).not.toContain('"d":')
  expect(stored).not.toContain('keydesk-cli')
})

function isBufferJson(value: unknown): value is { readonly data: number[] } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer'
}

test('a payload that a database writer puts into another row opens nothing', async () => {
  const [victim, attacker] = [await connected(), await connected()]
  const victims = await refreshTokens(victim.account.id).executeTakeFirstOrThrow()
  await service.deps.db
    .updateTable('issuer_state')
    .set({ payload: victims.payload })
    .where('model', '=', 'RefreshToken')
    .where('account_id', '=', attacker.account.id)
    .execute()
  const answer = await refresh(attacker.tokens.refresh_token)
  expect(answer.json()).toMatchObject({ error: 'invalid_grant' })
  expect((await refresh(victim.tokens.refresh_token)).statusCode).toBe(200)
})

test('a row that a database writer puts under the hash of his own token opens nothing', async () => {
  const [victim, attacker] = [await connected(), await connected()]
  const { db } = service.deps
  const own = await refreshTokens(attacker.account.id).executeTakeFirstOrThrow()
  await db.deleteFrom('issuer_state').where('id_hash', '=', own.id_hash).execute()
  const moved = await db
    .updateTable('issuer_state')
    .set({ id_hash: own.id_hash, grant_hash: own.grant_hash })
    .where('model', '=', 'RefreshToken')
    .where('account_id', '=', victim.account.id)
    .executeTakeFirstOrThrow()
  expect(moved.numUpdatedRows).toBe(1n)
  const answer = await refresh(attacker.tokens.refresh_token)
  expect(answer.json()).toMatchObject({ error: 'invalid_grant' })
})

test('a changed byte of a payload makes it unknown', async () => {
  const { account, tokens } = await connected()
  const { payload } = await refreshTokens(account.id).executeTakeFirstOrThrow()
  const changed = Buffer.from(payload)
  changed[60] = (changed[60] ?? 0) ^ 1
  await service.deps.db
    .updateTable('issuer_state')
    .set({ payload: changed })
    .where('model', '=', 'RefreshToken')
    .where('account_id', '=', account.id)
    .execute()
  expect((await refresh(tokens.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' })
})

test('ending the sign-ins of a person ends his refresh tokens and access tokens, not those of others', async () => {
  const { account, tokens } = await connected()
  const other = await connected()
  const now = new Date(Date.now() + 1000)
  await service.deps.db.transaction().execute((trx) => endSignIns(trx, [account.id], now))
  expect((await refresh(tokens.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' })
  expect((await refresh(other.tokens.refresh_token)).statusCode).toBe(200)
})

test('expired state is forgotten, and only that', async () => {
  await using own = await TestService.start()
  const count = async () =>
    (await own.deps.db.selectFrom('issuer_state').selectAll().execute()).length
  await own.app.inject({ url: '/oidc/device' })
  expect(await count()).toBe(1)
  await forgetExpiredState(own.deps)
  expect(await count()).toBe(1)
  own.deps.clock.advance(2 * DAY)
  await forgetExpiredState(own.deps)
  expect(await count()).toBe(0)
})

/** `kid`s of the published keys. */
async function published(of: TestService): Promise<string[]> {
  const answer = await of.app.inject({ url: '/oidc/jwks' })
  return answer.json<{ keys: { kid: string }[] }>().keys.map(({ kid }) => kid)
}

function kidOf(token: string): unknown {
  const header: unknown = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
  return typeof header === 'object' && header !== null && 'kid' in header ? header.kid : undefined
}

test('servers that start at the same moment agree on one key', async () => {
  await using own = await TestService.start()
  await own.deps.db.deleteFrom('issuer_key').execute()
  const servers = Array.from({ length: 4 }, () => createSigningKeys(own.deps))
  const keys = await Promise.all(servers.map(async (server) => await server.published()))
  expect(new Set(keys.flat().map(({ id }) => id)).size).toBe(1)
})

test('a token of one server is good at another', async () => {
  const program = await TestProgram.create(service, ['Device.Read.All'])
  const token = await program.token()
  const other = await buildApp(service.deps)
  try {
    const headers = { authorization: `Bearer ${token}` }
    expect((await other.inject({ url: '/api/v1/devices', headers })).statusCode).toBe(200)
  } finally {
    await other.close()
  }
})

test('a key is rotated after ninety days: first published, then used, the old one still believed', async () => {
  await using own = await TestService.start()
  const program = await TestProgram.create(own, ['Device.Read.All'])
  const [first] = await published(own)
  await keepSigningKeys(own.deps)
  expect(await published(own)).toEqual([first])
  await own.deps.db
    .updateTable('app_credential')
    .set({ expires_at: new Date('2100-01-01') })
    .execute()
  own.deps.clock.advance(91 * DAY)
  await Promise.all([keepSigningKeys(own.deps), keepSigningKeys(own.deps)])
  const both = await published(own)
  expect(both).toHaveLength(2)
  const old = await program.token()
  expect(kidOf(old)).toBe(first)
  own.deps.clock.advance(6 * 60)
  const token = await program.token()
  expect(kidOf(token)).not.toBe(first)
  expect(both).toContain(kidOf(token))
  for (const each of [old, token]) expect((await callWith(own, each)).statusCode).toBe(200)
  own.deps.clock.advance(2 * 3600)
  await keepSigningKeys(own.deps)
  expect(await published(own)).toEqual([kidOf(token)])
  expect((await callWith(own, old)).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
})

test('an administrator rotates it before its time, on record', async () => {
  await using own = await TestService.start()
  const answer = await own.admin('POST', '/api/v1/issuer-keys')
  expect(answer.statusCode).toBe(201)
  const { keyId } = answer.json<{ keyId: string }>()
  own.deps.clock.advance(6 * 60)
  expect(await published(own)).toContain(keyId)
  const program = await TestProgram.create(own, ['Device.Read.All'])
  expect(kidOf(await program.token())).toBe(keyId)
  const entries = await own.auditEntries()
  expect(entries.find(({ action }) => action === 'issuerKey.rotate')?.detail).toEqual({ keyId })
})

test('a key that a database writer puts in is not published and signs nothing', async () => {
  await using own = await TestService.start()
  const [first] = await published(own)
  const row = await own.deps.db.selectFrom('issuer_key').selectAll().executeTakeFirstOrThrow()
  const id = 'A'.repeat(43)
  const newest = { ...row, id, signs_from: own.deps.clock.now() }
  await own.deps.db.insertInto('issuer_key').values(newest).execute()
  own.deps.clock.advance(120)
  expect(await published(own)).toEqual([first])
  const program = await TestProgram.create(own, ['Device.Read.All'])
  const token = await program.token()
  expect(kidOf(token)).toBe(first)
  expect(claimsOf(token)['sub']).toBe(program.id)
})
