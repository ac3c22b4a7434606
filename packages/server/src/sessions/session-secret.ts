/**
 * What makes a session believable: 256 random bits in the browser's cookie, and in the database an
 * HMAC of them together with everything that the session grants, under a key that only the vault
 * key gives. Whoever only reads the database can send no cookie; whoever only writes there can make
 * no session, give one to another user, make it last longer or its sign-in newer.
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Keyring } from '../vault/keyring.ts'
import { derivedKey } from '../vault/derived-key.ts'

const SESSION_LABEL = 'keydesk session v1'
const CSRF_LABEL = 'keydesk csrf v1'

/** What the MAC covers besides the secret. */
export interface SessionTerms {
  readonly id: string
  readonly user_id: string
  readonly issuer: string
  readonly created_at: Date
  readonly expires_at: Date
  readonly authenticated_at: Date | null
  readonly acr: string | null
  readonly amr: readonly string[]
}

/** The cookie's value: public ID and secret. */
export interface SessionToken {
  readonly id: string
  readonly secret: string
}

export function newSessionToken(id: string): SessionToken {
  return { id, secret: randomBytes(32).toString('base64url') }
}

export function formatSessionToken({ id, secret }: SessionToken): string {
  return `${id}.${secret}`
}

export function parseSessionToken(text: string): SessionToken | undefined {
  const match = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([A-Za-z0-9_-]{43})$/.exec(text)
  if (match?.[1] === undefined || match[2] === undefined) return undefined
  return { id: match[1], secret: match[2] }
}

/** 32 bytes. */
export function sessionMac(keyring: Keyring, secret: string, terms: SessionTerms): Buffer {
  const covered = [
    secret,
    terms.id,
    terms.user_id,
    terms.issuer,
    terms.created_at.toISOString(),
    terms.expires_at.toISOString(),
    terms.authenticated_at?.toISOString() ?? null,
    terms.acr,
    terms.amr,
  ]
  return hmac(keyring, SESSION_LABEL, JSON.stringify(covered))
}

/**
 * What a page of this server has and a foreign one cannot know: sent back with every request that
 * changes something.
 */
export function csrfToken(keyring: Keyring, sessionId: string): string {
  return hmac(keyring, CSRF_LABEL, sessionId).toString('base64url')
}

export function isCsrfToken(keyring: Keyring, sessionId: string, given: unknown): boolean {
  if (typeof given !== 'string') return false
  const expected = Buffer.from(csrfToken(keyring, sessionId))
  const actual = Buffer.from(given)
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}

function hmac(keyring: Keyring, label: string, text: string): Buffer {
  return createHmac('sha256', derivedKey(keyring, label)).update(text).digest()
}
