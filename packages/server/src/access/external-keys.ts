/**
 * Public keys of the configured issuer, for access tokens: found through its discovery document,
 * kept for some minutes, and fetched again when a token names a key that is not among them, so a
 * rotation needs no restart. An issuer that cannot be reached makes requests fail, not the server.
 */

import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import { AppError } from '../errors.ts'

/** `jwks_uri` hardly ever changes. */
const METADATA_AGE_MS = 60 * 60 * 1000
const KEYS_AGE_MS = 10 * 60 * 1000
/** So that tokens with made-up key names do not make us ask all the time. */
const COOLDOWN_MS = 10_000
const TIMEOUT_MS = 5000

/** The function throws AppError ISSUER_UNAVAILABLE, or jose's error for an unknown key. */
export function createExternalKeys(issuer: string): JWTVerifyGetKey {
  let found: { readonly keys: JWTVerifyGetKey; readonly at: number } | undefined
  let finding: Promise<JWTVerifyGetKey> | undefined

  async function keySet(): Promise<JWTVerifyGetKey> {
    if (found !== undefined && performance.now() - found.at < METADATA_AGE_MS) return found.keys
    finding ??= discover(issuer).finally(() => (finding = undefined))
    const keys = await finding
    found = { keys, at: performance.now() }
    return keys
  }

  return async (header, token) => {
    try {
      return await (
        await keySet()
      )(header, token)
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) throw error
      if (error instanceof errors.JWKSMultipleMatchingKeys) throw error
      throw new AppError(
        'ISSUER_UNAVAILABLE',
        'The issuer of this token cannot be reached, so the token cannot be checked.',
        { retryAfterSeconds: 30, cause: error },
      )
    }
  }
}

/** OpenID Connect Discovery 1.0 §4. */
async function discover(issuer: string): Promise<JWTVerifyGetKey> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const response = await fetch(address, {
    signal: AbortSignal.timeout(TIMEOUT_MS),
    redirect: 'error',
  })
  if (!response.ok) throw new Error(`the discovery document is answered with ${response.status}`)
  const metadata: unknown = await response.json()
  const isObject = typeof metadata === 'object' && metadata !== null
  if (!isObject || !('issuer' in metadata) || metadata.issuer !== issuer) {
    throw new Error('the discovery document is not that of the configured issuer')
  }
  if (!('jwks_uri' in metadata) || typeof metadata.jwks_uri !== 'string') {
    throw new Error('the discovery document names no keys')
  }
  return createRemoteJWKSet(new URL(metadata.jwks_uri), {
    timeoutDuration: TIMEOUT_MS,
    cooldownDuration: COOLDOWN_MS,
    cacheMaxAge: KEYS_AGE_MS,
  })
}
