/**
 * The key under which the hashes of bearer secrets are made: HKDF-SHA-256 (RFC 5869) of the vault
 * private key. It is nowhere in the database, so nobody who only writes there can make a row that
 * admits him. Not stored: derived once for each keyring.
 */

import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import type { Keyring } from './keyring.ts'

/** Never changed: every stored hash hangs on it. */
const LABEL = 'keydesk secret-token v1'
const KEY_LENGTH = 32

const derived = new WeakMap<Keyring, KeyObject>()

export function secretTokenKey(keyring: Keyring): KeyObject {
  const known = derived.get(keyring)
  if (known !== undefined) return known
  const { d } = keyring.vaultKey.privateKey.export({ format: 'jwk' })
  if (d === undefined) throw new TypeError('the vault key has no private half')
  const scalar = Buffer.from(d, 'base64url')
  const bytes = Buffer.from(hkdfSync('sha256', scalar, new Uint8Array(), LABEL, KEY_LENGTH))
  const key = createSecretKey(bytes)
  scalar.fill(0)
  bytes.fill(0)
  derived.set(keyring, key)
  return key
}
