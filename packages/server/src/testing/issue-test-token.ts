/**
 * An access token of the built-in issuer for an app, by the client credentials grant: given a
 * secret first, as the API gives one.
 */

import { randomUUID } from 'node:crypto'
import type { TestDeps } from '../../../../test/support/test-deps.ts'
import { createSecretToken } from '../access/secret-token.ts'
import { hashAppSecret } from '../apps/app-credential.ts'
import type { App } from '../http/app-type.ts'

const YEAR_MS = 365 * 86_400_000

export async function issueTestToken(deps: TestDeps, app: App, appId: string): Promise<string> {
  const secret = createSecretToken('app').reveal()
  const now = deps.clock.now()
  await deps.db
    .insertInto('app_credential')
    .values({
      id: randomUUID(),
      app_id: appId,
      kind: 'secret',
      name: 'test',
      is_for_roles: true,
      hint: secret.slice(-4),
      secret_hash: hashAppSecret(deps.keyring, { appId, isForRoles: true }, secret),
      created_at: now,
      expires_at: new Date(now.getTime() + YEAR_MS),
    })
    .execute()
  const answer = await app.inject({
    method: 'POST',
    url: '/oidc/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: appId,
      client_secret: secret,
    }).toString(),
  })
  if (answer.statusCode !== 200) throw new Error(`no access token: ${answer.body}`)
  return answer.json<{ access_token: string }>().access_token
}
