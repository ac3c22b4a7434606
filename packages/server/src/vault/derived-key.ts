/**
 * Keys for everything that is not a recovery key: HKDF-SHA-256 (RFC 5869) of the vault private key,
 * one for each purpose. They are nowhere in the database, so whoever only writes there can make no
 * row that this server believes, and whoever only reads there learns no value.
 *
 * A label is never changed or given another purpose: stored hashes and values hang on it.
 */

import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import type { Keyring } from './keyring.ts'

const KEY_BYTES = 32

const derived = new WeakMap<Keyring, Map<string, KeyObject>>()

/** 32 bytes, derived once for each keyring. The label reads `keydesk <purpose> v<number>`. */
export function derivedKey(keyring: Keyring, label: string): KeyObject {
  const known = derived.get(keyring) ?? new Map<string, KeyObject>()
  derived.set(keyring, known)
  const existing = known.get(label)
  if (existing !== undefined) return existing
  const { d } = keyring.vaultKey.privateKey.export({ format: 'jwk' })
  if (d === undefined) throw new TypeError('the vault key has no private half')
  const scalar = Buffer.from(d, 'base64url')
  const bytes = Buffer.from(hkdfSync('sha256', scalar, new Uint8Array(), label, KEY_BYTES))
  const key = createSecretKey(bytes)
  scalar.fill(0)
  bytes.fill(0)
  known.set(label, key)
  return key
}

/** Sealed value, version 1: version byte, salt, AES-256-GCM ciphertext, tag. */
const VERSION = 1
const SALT_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const VALUE_INFO = 'keydesk sealed value v1'

/**
 * Encrypts a value for a column of the database. `about` names the row and the meaning of the value
 * (such as table, ID and owner): it opens only with the same names in the same order. Every value
 * has a key of its own, so any number of them may be sealed.
 */
export function sealValue(
  keyring: Keyring,
  label: string,
  about: readonly string[],
  value: Uint8Array,
): Buffer {
  const salt = randomBytes(SALT_BYTES)
  const { key, nonce } = valueKey(keyring, label, salt)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(associatedData(about))
  const ciphertext = Buffer.concat([cipher.update(value), cipher.final()])
  return Buffer.concat([Uint8Array.of(VERSION), salt, ciphertext, cipher.getAuthTag()])
}

/**
 * Undefined: this value was not sealed by this deployment for this label and these names, or it was
 * changed since.
 */
export function openValue(
  keyring: Keyring,
  label: string,
  about: readonly string[],
  sealed: Uint8Array,
): Buffer | undefined {
  if (sealed[0] !== VERSION || sealed.length < 1 + SALT_BYTES + TAG_BYTES) return undefined
  const { key, nonce } = valueKey(keyring, label, sealed.subarray(1, 1 + SALT_BYTES))
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(associatedData(about))
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  const opened = decipher.update(sealed.subarray(1 + SALT_BYTES, -TAG_BYTES))
  try {
    return Buffer.concat([opened, decipher.final()])
  } catch {
    return undefined
  }
}

function valueKey(keyring: Keyring, label: string, salt: Uint8Array) {
  const root = derivedKey(keyring, label)
  const bytes = Buffer.from(hkdfSync('sha256', root, salt, VALUE_INFO, KEY_BYTES + NONCE_BYTES))
  return { key: bytes.subarray(0, KEY_BYTES), nonce: bytes.subarray(KEY_BYTES) }
}

/** JSON, so that no two lists of names give the same bytes. */
function associatedData(about: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify(about))
}
