/**
 * Secrets and public keys of apps. Whoever makes one can act as the app, so where the app holds
 * roles only those make one who may give roles; and one that somebody else made before the app had
 * roles does not prove it any more once it has. It needs a recent sign-in; to revoke one does not.
 */

import { createPublicKey, randomUUID } from 'node:crypto'
import {
  LIMITS,
  type AppCredential,
  type CreateAppPublicKey,
  type CreateAppSecret,
  type CreatedAppSecret,
} from '@keydesk/contract'
import { jwkThumbprint } from '@keydesk/contract/jwk-thumbprint'
import type { Insertable, Transaction } from 'kysely'
import { reachesEverywhere } from '../access/grants.ts'
import { GIVE_ROLES, requireAuthorityOver } from '../access/require-authority-over.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
import { createSecretToken } from '../access/secret-token.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { AppCredentialTable, Database } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import type { Keyring } from '../vault/keyring.ts'
import { hashAppSecret, publicKeyMac } from './app-credential.ts'
import { appEntry, type AppChange } from './change-app.ts'
import { toCredential, unknownApp } from './list-apps.ts'
import {
  insertCredential,
  lockApp,
  revokeCredentials,
  selectCredentials,
  updateApp,
  type CredentialRow,
} from './queries.ts'

const HINT_LENGTH = 4

/** Throws AppError NOT_FOUND, FORBIDDEN, STEP_UP_REQUIRED, CREDENTIAL_LIMIT. */
export async function addAppSecret(
  trx: Transaction<Database>,
  by: AppChange & { readonly keyring: Keyring },
  appId: string,
  wanted: CreateAppSecret,
): Promise<CreatedAppSecret> {
  const secret = createSecretToken('app').reveal()
  const row = await addCredential(trx, by, appId, wanted, (bound) => ({
    kind: 'secret',
    secret_hash: hashAppSecret(by.keyring, { appId, ...bound }, secret),
    hint: secret.slice(-HINT_LENGTH),
  }))
  return { ...toCredential(row, by.now), secret }
}

/** Throws AppError NOT_FOUND, FORBIDDEN, STEP_UP_REQUIRED, CREDENTIAL_LIMIT, INVALID_REQUEST. */
export async function addAppPublicKey(
  trx: Transaction<Database>,
  by: AppChange & { readonly keyring: Keyring },
  appId: string,
  wanted: CreateAppPublicKey,
): Promise<AppCredential> {
  const { kty, crv, x, y } = wanted.publicKey
  const id = thumbprint({ kty, crv, x, y })
  const kid = wanted.publicKey.kid ?? id
  const others = await selectCredentials(trx, [appId])
  if (others.some((other) => isActive(other, by.now) && kidOf(other) === kid)) {
    throw new AppError('INVALID_REQUEST', 'The app has another key with this kid already.')
  }
  const row = await addCredential(trx, by, appId, wanted, (bound) => ({
    kind: 'publicKey',
    public_jwk: JSON.stringify({ kty, crv, x, y, kid, use: 'sig', alg: 'ES256' }),
    public_key_mac: publicKeyMac(by.keyring, { appId, ...bound }, { x, y }),
  }))
  return toCredential(row, by.now)
}

/** Ends the app's access tokens as well. Idempotent. Throws AppError NOT_FOUND. */
export async function revokeAppCredential(
  trx: Transaction<Database>,
  by: AppChange,
  which: { readonly appId: string; readonly credentialId: string },
): Promise<AppCredential> {
  const { appId, credentialId } = which
  if ((await lockApp(trx, appId)) === undefined) throw unknownApp()
  const revoked = await revokeCredentials(trx, which, by.now)
  if (revoked.length > 0) {
    // No token says which credential it came by. Programs with another one fetch a new token.
    await updateApp(trx, appId, { credentials_valid_after: by.now }, by.now)
    await appendAudit(trx, [appEntry(by, 'appCredential.revoke', which)])
  }
  const credentials = await selectCredentials(trx, [appId])
  const row = credentials.find(({ id }) => id === credentialId)
  if (row === undefined) {
    throw new AppError('NOT_FOUND', 'The app has no credential with this ID.')
  }
  return toCredential(row, by.now)
}

async function addCredential(
  trx: Transaction<Database>,
  by: AppChange,
  appId: string,
  wanted: { readonly name: string; readonly expiresInSeconds: number },
  proof: (bound: {
    readonly credentialId: string
    readonly isForRoles: boolean
  }) => Pick<Insertable<AppCredentialTable>, 'kind'> & Partial<Insertable<AppCredentialTable>>,
): Promise<CredentialRow> {
  const app = await lockApp(trx, appId)
  if (app === undefined) throw unknownApp()
  await requireAuthorityOver(trx, by.principal, appId, by.now)
  requireRecentSignIn(by.deps, by.principal)
  const existing = await selectCredentials(trx, [appId])
  if (existing.filter((one) => isActive(one, by.now)).length >= LIMITS.appCredentialsMax) {
    const detail = `An app has at most ${LIMITS.appCredentialsMax}. Revoke one that is not used.`
    throw new AppError('CREDENTIAL_LIMIT', detail)
  }
  const id = randomUUID()
  const isForRoles = reachesEverywhere(by.principal.grants.reach(GIVE_ROLES))
  const row = await insertCredential(trx, {
    id,
    app_id: appId,
    name: wanted.name,
    created_by: by.principal.id,
    created_at: by.now,
    expires_at: new Date(by.now.getTime() + wanted.expiresInSeconds * 1000),
    is_for_roles: isForRoles,
    ...proof({ credentialId: id, isForRoles }),
  })
  const detail = { appId, displayName: app.display_name, credentialId: id, kind: row.kind }
  await appendAudit(trx, [
    appEntry(by, 'appCredential.create', { ...detail, expiresAt: row.expires_at.toISOString() }),
  ])
  return row
}

function isActive({ revoked_at, expires_at }: CredentialRow, now: Date): boolean {
  return revoked_at === null && expires_at > now
}

function kidOf({ public_jwk: jwk }: CredentialRow): unknown {
  return typeof jwk === 'object' && jwk !== null && 'kid' in jwk ? jwk.kid : undefined
}

/** Throws AppError INVALID_REQUEST where it is no point of the curve. */
function thumbprint(jwk: { kty: string; crv: string; x: string; y: string }): string {
  try {
    return jwkThumbprint(createPublicKey({ key: jwk, format: 'jwk' }))
  } catch {
    throw new AppError('INVALID_REQUEST', 'publicKey is not a point of P-256.')
  }
}
