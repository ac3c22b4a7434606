/**
 * What the tables of the accounts hold instead of secrets: HMAC-SHA-256 under a key that only the
 * vault key gives, over the secret and everything that it belongs to. A row that somebody writes
 * into the database, or gives to another user, matches nothing.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import { derivedKey } from '../vault/derived-key.ts'
import type { Keyring } from '../vault/keyring.ts'

/** One label for each meaning; never changed. */
export type HashLabel =
  | 'keydesk one-time link v1'
  | 'keydesk backup code v1'
  | 'keydesk passkey v1'
  | 'keydesk passkey challenge v1'
  | 'keydesk sign-in throttle v1'
  | 'keydesk known browser v1'
  | 'keydesk sign-in form v1'

/** 32 bytes. No two lists of parts give the same hash. */
export function keyedHash(keyring: Keyring, label: HashLabel, parts: readonly string[]): Buffer {
  return createHmac('sha256', derivedKey(keyring, label)).update(JSON.stringify(parts)).digest()
}

export function isSameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
