/** Programs: a secret or a key gives an access token, and the token opens the API. */

import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { hashAppSecret } from '../apps/app-credential.ts'
import { TestService } from '../testing/test-service.ts'

async function insertApp(
  service: TestService,
  roles: string[],
): Promise<{ id: string; secret: string }> {
  const id = randomUUID()
  const secret = 'keydesk_app_test'
  const { db, keyring } = service.deps
  const now = service.deps.clock.now()
  await db.insertInto('principal').values({ id, type: 'app', created_at: now }).execute()
  await db
    .insertInto('app')
    .values({ id, display_name: id, app_roles: roles, created_at: now, updated_at: now })
    .execute()
  await db
    .insertInto('app_credential')
    .values({
      id: randomUUID(),
      app_id: id,
      kind: 'secret',
      name: 'x',
      hint: 'est',
      secret_hash: hashAppSecret(keyring, id, secret),
      created_at: now,
      expires_at: new Date(now.getTime() + 3600_000),
    })
    .execute()
  return { id, secret }
}

test('a secret gives a token that opens what the app was given', async () => {
  await using service = await TestService.start()
  const { id, secret } = await insertApp(service, ['Device.Read.All'])
  const answer = await service.app.inject({
    method: 'POST',
    url: '/oidc/token',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
    },
    payload: 'grant_type=client_credentials',
  })
  console.log(answer.statusCode, answer.body, answer.headers)
  const { access_token: token } = answer.json<{ access_token: string }>()
  console.log(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()))
  const devices = await service.app.inject({
    url: '/api/v1/devices',
    headers: { authorization: `Bearer ${token}` },
  })
  console.log(devices.body)
  expect(devices.statusCode).toBe(200)
})
