/**
 * The bearer secrets that this server gives out: a prefix that makes a leak easy to find, and 256
 * random bits. Stored as HMAC-SHA-256 under a key that only the vault key gives: with that much
 * randomness a slow hash would add nothing, and a row that somebody inserts admits nobody.
 */

import { createHmac, randomBytes } from 'node:crypto'
import { Secret } from '../http/secret.ts'
import { derivedKey } from '../vault/derived-key.ts'
import type { Keyring } from '../vault/keyring.ts'

const LABEL = 'keydesk secret-token v1'

export type SecretTokenKind = 'enroll' | 'app'

/** `keydesk_enroll_…` and so on, shown once. */
export function createSecretToken(kind: SecretTokenKind): Secret<string> {
  return new Secret(`keydesk_${kind}_${randomBytes(32).toString('base64url')}`)
}

export function isSecretToken(kind: SecretTokenKind, text: string): boolean {
  const prefix = `keydesk_${kind}_`
  return text.startsWith(prefix) && /^[A-Za-z0-9_-]{43}$/.test(text.slice(prefix.length))
}

/** 32 bytes. */
export function hashSecretToken(keyring: Keyring, token: string): Buffer {
  return createHmac('sha256', derivedKey(keyring, LABEL)).update(token).digest()
}
