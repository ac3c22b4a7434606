/**
 * Goal: nobody gets an app's roles by a credential that he made for it before it had any. Attack:
 * whoever manages apps, and may not give roles, waits with a secret, a key and a token of it.
 */

import { randomUUID } from 'node:crypto'
import type { App, CreatedAppSecret } from '@keydesk/contract'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DirectoryTest } from '../testing/directory-test.ts'
import { callWith, requestToken } from '../testing/test-program.ts'

const ISSUER = 'https://keydesk.example/oidc'
const CLOUD_DEVICE_ADMINISTRATOR = '7698a772-787b-4ac8-901f-60d6b08affd2'
const GRANT = { grant_type: 'client_credentials' }

let directory: DirectoryTest
beforeAll(async () => {
  directory = await DirectoryTest.start()
})
afterAll(async () => await directory[Symbol.asyncDispose]())

/** An app with a secret and a key, both made by somebody who may not give roles. */
async function plantedApp() {
  const manager = await directory.caller(['microsoft.directory/applications/manage'])
  const made = await manager('POST', '/api/v1/apps', { displayName: `app ${randomUUID()}` })
  const { id } = made.json<App>()
  const wanted = { name: 'mine', expiresInSeconds: 86_400 }
  const secret = await manager('POST', `/api/v1/apps/${id}/secrets`, wanted)
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const { kty, crv, x, y } = await exportJWK(publicKey)
  const jwk = { ...wanted, publicKey: { kty, crv, x, y } }
  const key = await manager('POST', `/api/v1/apps/${id}/public-keys`, jwk)
  expect([secret.statusCode, key.statusCode]).toEqual([201, 201])
  expect([secret.json(), key.json()]).toMatchObject([{ isForRoles: false }, { isForRoles: false }])
  const bySecret = async () => await ask(id, secret.json<CreatedAppSecret>().secret)
  const byKey = async () => {
    const now = Math.floor(Date.now() / 1000)
    const jwt = await new SignJWT({ iss: id, sub: id, aud: ISSUER, jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuedAt(now)
      .setExpirationTime(now + 60)
      .sign(privateKey)
    return await requestToken(directory.service, {
      ...GRANT,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: jwt,
    })
  }
  return { id, bySecret, byKey }
}

async function ask(id: string, secret: string) {
  const form = { ...GRANT, client_id: id, client_secret: secret }
  return await requestToken(directory.service, form)
}

async function giveRoles(id: string, what: string): Promise<void> {
  const answer =
    what === 'app roles'
      ? await directory.admin('PATCH', `/api/v1/apps/${id}`, {
          appRoles: ['BitlockerKey.Read.All', 'Device.Read.All'],
        })
      : await directory.admin('POST', '/api/v1/role-assignments', {
          principalId: id,
          roleId: CLOUD_DEVICE_ADMINISTRATOR,
          scope: '/',
        })
  expect([200, 201]).toContain(answer.statusCode)
}

test.each(['app roles', 'a role assignment'])(
  'once the app has %s, what was made for it before is worth nothing',
  async (what) => {
    const { id, bySecret, byKey } = await plantedApp()
    const early = await bySecret()
    expect([early.statusCode, (await byKey()).statusCode]).toEqual([200, 200])
    const { access_token: token } = early.json<{ access_token: string }>()
    // Times in tokens are those of the system, in whole seconds.
    directory.service.deps.clock.advance(60)
    await giveRoles(id, what)
    for (const answer of [await bySecret(), await byKey()]) {
      expect(answer.json()).toMatchObject({ error: 'invalid_client' })
    }
    const used = await callWith(directory.service, token)
    expect(used.json()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
  },
)

test('a credential of somebody who may give roles goes on working', async () => {
  const { id } = await plantedApp()
  const wanted = { name: 'given', expiresInSeconds: 86_400 }
  const made = await directory.admin('POST', `/api/v1/apps/${id}/secrets`, wanted)
  const { secret, isForRoles } = made.json<CreatedAppSecret>()
  expect(isForRoles).toBe(true)
  await giveRoles(id, 'app roles')
  const answer = await ask(id, secret)
  expect(answer.statusCode).toBe(200)
})

test('a role that is over counts as well: its end can be put off again', async () => {
  const { db, clock } = directory.service.deps
  const { id, bySecret } = await plantedApp()
  await directory.assign(id, CLOUD_DEVICE_ADMINISTRATOR, { type: 'directory' }, clock.now())
  expect((await bySecret()).json()).toMatchObject({ error: 'invalid_client' })
  await db.deleteFrom('role_assignment').where('principal_id', '=', id).execute()
  expect((await bySecret()).statusCode).toBe(200)
})

test('a database writer cannot let a credential count for roles', async () => {
  const { id, bySecret, byKey } = await plantedApp()
  await directory.service.deps.db
    .updateTable('app_credential')
    .set({ is_for_roles: true })
    .where('app_id', '=', id)
    .execute()
  await giveRoles(id, 'app roles')
  for (const answer of [await bySecret(), await byKey()]) {
    expect(answer.json()).toMatchObject({ error: 'invalid_client' })
  }
})
