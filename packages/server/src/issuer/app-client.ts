/**
 * App registrations as clients of the built-in issuer: client credentials only, proven by a secret
 * or by a key of theirs (RFC 7523). Asked at every request, so a credential that was revoked or has
 * expired and an app that was disabled get no further token.
 */

import { randomBytes } from 'node:crypto'
import { isGuid } from '@keydesk/contract'
import { errors, type AdapterPayload, type JWK } from 'oidc-provider'
import { hashAppSecret, isSameMac, publicKeyMac } from '../apps/app-credential.ts'
import {
  markCredentialUsed,
  selectAppClient,
  type ClientCredential,
} from '../apps/client-queries.ts'
import type { Deps } from '../deps.ts'

type ClientDeps = Pick<Deps, 'db' | 'keyring' | 'clock'>

/** An assertion is made for one request; the server remembers it until it expires. */
const ASSERTION_SECONDS_MAX = 600
/** The library wants a secret where it compares one. Ours are hashes; this one is nobody's. */
const UNUSED_SECRET = randomBytes(32).toString('base64url')

/**
 * `usesAssertion`: how this request proves the client. An app may have secrets and keys at once,
 * and the library knows one method for each client.
 */
export async function findAppClient(
  deps: ClientDeps,
  id: string,
  usesAssertion: boolean,
): Promise<AdapterPayload | undefined> {
  const app = isGuid(id) ? await selectAppClient(deps.db, id, deps.clock.now()) : undefined
  if (app === undefined) return undefined
  const client = {
    client_id: id,
    client_name: app.name,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
  }
  if (!usesAssertion) {
    return {
      ...client,
      token_endpoint_auth_method: 'client_secret_basic',
      client_secret: UNUSED_SECRET,
    }
  }
  return {
    ...client,
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: publicKeys(deps, id, app.credentials).map(({ jwk }) => jwk) },
  }
}

/** Every secret of the app is compared, in constant time. */
export async function isAppSecret(
  deps: ClientDeps,
  appId: string,
  secret: string,
): Promise<boolean> {
  const now = deps.clock.now()
  const app = await selectAppClient(deps.db, appId, now)
  const hash = (isForRoles: boolean): Buffer =>
    hashAppSecret(deps.keyring, { appId, isForRoles }, secret)
  const matching = (app?.credentials ?? []).filter(
    ({ secret_hash, is_for_roles: isForRoles }) =>
      secret_hash !== null && isSameMac(secret_hash, hash(isForRoles)),
  )
  const [credential] = matching
  if (credential === undefined) return false
  await markCredentialUsed(deps.db, credential.id, now)
  return true
}

/** Of an assertion whose signature is good. Throws the protocol's `invalid_client`. */
export async function acceptAssertion(
  deps: ClientDeps,
  appId: string,
  assertion: { readonly kid: unknown; readonly iat: unknown; readonly exp: unknown },
): Promise<void> {
  const { iat, exp, kid } = assertion
  const isShort =
    typeof iat === 'number' && typeof exp === 'number' && exp - iat <= ASSERTION_SECONDS_MAX
  if (!isShort) {
    throw new errors.InvalidClientAuth('iat and exp must be at most ten minutes apart')
  }
  const now = deps.clock.now()
  const app = await selectAppClient(deps.db, appId, now)
  const keys = publicKeys(deps, appId, app?.credentials ?? [])
  const used = keys.filter(({ jwk }) => kid === undefined || jwk.kid === kid)
  // Without a kid and with several keys nobody knows which.
  if (used.length !== 1) return
  for (const { id } of used) await markCredentialUsed(deps.db, id, now)
}

function publicKeys(
  { keyring }: ClientDeps,
  appId: string,
  credentials: readonly ClientCredential[],
): { readonly id: string; readonly jwk: JWK }[] {
  return credentials.flatMap(({ id, public_jwk, public_key_mac, is_for_roles: isForRoles }) => {
    if (public_key_mac === null) return []
    // Its MAC says whether this server wrote it.
    const jwk = public_jwk as JWK & { readonly x: string; readonly y: string }
    const expected = publicKeyMac(keyring, { appId, credentialId: id, isForRoles }, jwk)
    if (!isSameMac(public_key_mac, expected)) return []
    const { kid, x, y } = jwk
    return [{ id, jwk: { kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig', kid, x, y } }]
  })
}
