/**
 * The bearer secrets that this server gives out: a prefix that makes a leak easy to find, and 256
 * random bits. Stored as SHA-256: with that much randomness a slow hash would add nothing.
 */

import { createHash, randomBytes } from 'node:crypto'
import { Secret } from '../http/secret.ts'

export type SecretTokenKind = 'admin' | 'enroll'

/** `keydesk_admin_…` or `keydesk_enroll_…`, shown once. */
export function createSecretToken(kind: SecretTokenKind): Secret<string> {
  return new Secret(`keydesk_${kind}_${randomBytes(32).toString('base64url')}`)
}

export function isSecretToken(kind: SecretTokenKind, text: string): boolean {
  const prefix = `keydesk_${kind}_`
  return text.startsWith(prefix) && /^[A-Za-z0-9_-]{43}$/.test(text.slice(prefix.length))
}

export function hashSecretToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
