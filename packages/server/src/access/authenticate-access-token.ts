/**
 * Who brings an access token: of the built-in issuer, judged by the keys of this deployment, or of
 * the configured one, judged by the keys that it publishes (docs/spec/access-tokens.md).
 *
 * Invariants: issuer and audience are exactly the expected ones; the algorithm is one of a list;
 * what is not an access token (an ID token, a logout token) or needs a proof that we cannot check
 * (`cnf`) is refused; no part of a token reaches an answer or the log.
 */

import { isGuid } from '@keydesk/contract'
import { decodeJwt, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import type { Issuer } from '../issuer/issuer.ts'
import { createExternalKeys } from './external-keys.ts'
import type { AppCredential, Credential, UserCredential } from './load-principal.ts'
import { selectAppIdByExternalClient, selectUserIdBySubject } from './token-queries.ts'

/** Issuers' clocks are kept by NTP; ours too. */
const CLOCK_TOLERANCE_SECONDS = 30
/** Signatures by a key pair only: with a shared secret whoever verifies could sign. */
const ALGORITHMS = ['ES256', 'ES384', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512', 'EdDSA']
/** RFC 9068, and what issuers wrote before it. */
const TOKEN_TYPES = ['at+jwt', 'application/at+jwt', 'jwt']
/** ID tokens and logout tokens have these; access tokens do not. */
const FOREIGN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events']
/** Keycloak names the kind of a token in a claim. */
const FOREIGN_TYPES = ['ID', 'Refresh', 'Offline', 'Logout']
type TokenDeps = Pick<Deps, 'config' | 'db' | 'log'>

/** The function throws AppError UNAUTHENTICATED, or ISSUER_UNAVAILABLE. */
export function createTokenAuthenticator(
  deps: TokenDeps,
  issuer: Pick<Issuer, 'url' | 'keys'>,
): (token: string) => Promise<Credential> {
  const { oidcIssuer, oidcAudience, origin } = deps.config
  const externalKeys = oidcIssuer === undefined ? undefined : createExternalKeys(oidcIssuer)
  const ownKeys: JWTVerifyGetKey = async ({ kid }) => {
    const key = typeof kid === 'string' ? await issuer.keys.find(kid) : undefined
    if (key === undefined) throw refused()
    return key.publicKey
  }

  return async (token) => {
    const iss = claimedIssuer(token)
    if (iss === issuer.url) {
      const expected = { issuer: iss, audience: origin, algorithms: ['ES256'], typ: 'at+jwt' }
      const credential = ownCredential(await verify(deps, token, ownKeys, expected))
      // Given before people were sent to another issuer.
      if (credential.type === 'user' && oidcIssuer !== undefined) throw refused()
      return credential
    }
    if (iss !== undefined && iss === oidcIssuer && externalKeys && oidcAudience !== undefined) {
      const expected = { issuer: iss, audience: oidcAudience, algorithms: ALGORITHMS }
      return await externalCredential(deps, await verify(deps, token, externalKeys, expected))
    }
    throw refused()
  }
}

interface Claims extends JWTPayload {
  readonly sub: string
  readonly iat: number
}

async function verify(
  deps: TokenDeps,
  token: string,
  keys: JWTVerifyGetKey,
  expected: { issuer: string; audience: string; algorithms: string[]; typ?: string },
): Promise<Claims> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      ...expected,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      requiredClaims: ['exp', 'iat', 'sub'],
    })
    if (isAccessToken(protectedHeader.typ, payload)) return payload
  } catch (error) {
    if (error instanceof AppError && error.status >= 500) throw error
    const reason = error instanceof Error && 'code' in error ? error.code : 'refused'
    deps.log.debug({ reason }, 'an access token was refused')
  }
  throw refused()
}

function isAccessToken(type: string | undefined, payload: JWTPayload): payload is Claims {
  return (
    TOKEN_TYPES.includes((type ?? 'jwt').toLowerCase()) &&
    !FOREIGN_CLAIMS.some((claim) => claim in payload) &&
    !FOREIGN_TYPES.some((kind) => payload['typ'] === kind) &&
    payload['cnf'] === undefined &&
    typeof payload.sub === 'string' &&
    typeof payload.iat === 'number'
  )
}

function ownCredential(claims: Claims): Credential {
  if (!isGuid(claims.sub)) throw refused()
  if (claims['idtyp'] === 'user') return userCredential(claims, claims.sub, words(claims['scope']))
  if (claims['idtyp'] !== 'app' || claims['client_id'] !== claims.sub) throw refused()
  const scopes = words(claims['scope'])
  return {
    type: 'app',
    appId: claims.sub,
    appRoles: undefined,
    // `…/.default` asks for everything that the app was given.
    scopes:
      scopes.length === 0 || scopes.some((scope) => scope.endsWith('/.default'))
        ? undefined
        : scopes,
    issuedAt: new Date(claims.iat * 1000),
  }
}

async function externalCredential(deps: TokenDeps, claims: Claims): Promise<Credential> {
  const client = claims['azp'] ?? claims['appid'] ?? claims['client_id'] ?? claims['cid']
  const isApp = claims['idtyp'] === 'app' || (client === claims.sub && client !== undefined)
  if (isApp) return await externalApp(deps, claims, client)
  const { oidcClaimId, oidcIssuer, oidcApiScopePrefix: prefix = '' } = deps.config
  const scopes = words(claims['scp'] ?? claims['scope']).map((scope) =>
    scope.startsWith(prefix) ? scope.slice(prefix.length) : scope,
  )
  if (scopes.length === 0) throw refused()
  const subject = oidcClaimId === undefined ? (claims['oid'] ?? claims.sub) : claims[oidcClaimId]
  if (typeof subject !== 'string' || oidcIssuer === undefined) throw refused()
  const userId = await selectUserIdBySubject(deps.db, oidcIssuer, subject)
  if (userId === undefined) {
    throw new AppError('UNAUTHENTICATED', 'The person of this token is not known here.')
  }
  return userCredential(claims, userId, scopes)
}

/** It must be registered here with its client ID: then it has a name on record, and can be cut. */
async function externalApp(
  deps: TokenDeps,
  claims: Claims,
  client: unknown,
): Promise<AppCredential> {
  const appId =
    typeof client === 'string' ? await selectAppIdByExternalClient(deps.db, client) : undefined
  if (appId === undefined) throw refused()
  return {
    type: 'app',
    appId,
    appRoles: words(claims[deps.config.oidcClaimRoles]),
    issuedAt: new Date(claims.iat * 1000),
  }
}

function userCredential(claims: Claims, userId: string, scopes: readonly string[]): UserCredential {
  const { auth_time: authTime, acr } = claims
  return {
    type: 'user',
    userId,
    authenticatedAt: typeof authTime === 'number' ? new Date(authTime * 1000) : undefined,
    methods: words(claims['amr']),
    acr: typeof acr === 'string' ? acr : undefined,
    sessionId: undefined,
    scopes,
    // What was proved before a reset is from before it, however late its token was signed.
    issuedAt: new Date(
      Math.min(claims.iat, typeof authTime === 'number' ? authTime : claims.iat) * 1000,
    ),
  }
}

/** A list, or words in one text; issuers do both. */
function words(claim: unknown): string[] {
  const list = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : []
  return list.filter((word): word is string => typeof word === 'string' && word !== '')
}

/** Not yet believed: it only chooses whose keys are asked. */
function claimedIssuer(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    throw refused()
  }
}

function refused(): AppError {
  return new AppError('UNAUTHENTICATED', 'The access token is not valid here.')
}
