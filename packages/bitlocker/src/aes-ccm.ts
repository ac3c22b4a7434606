/**
 * Wrapped keys: the AES-CCM datum (docs/spec/fve-metadata.md, "AES-CCM datum"): nonce time u64,
 * nonce counter u32, MAC 16, ciphertext; AES-256, 12-byte nonce, no associated data; the plaintext
 * is one whole key datum. Invariant: the MAC is the only judge of a key, and plaintext buffers are
 * wiped.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'

import { DATUM_TYPE, encodeDatum } from './datum.ts'
import type { Datum } from './datum.ts'
import { decodeKey, encodeKey } from './key-datum.ts'
import { readU64, writeU32, writeU64 } from './little-endian.ts'

const NONCE_AT = 8
const MAC_AT = 20
const CIPHERTEXT_AT = 36
const CCM = { authTagLength: 16 } as const

/** One use of a key. The pair never repeats under one key; see nonce-source.ts. */
export interface Nonce {
  /** FILETIME. */
  readonly time: bigint
  readonly counter: number
}

/**
 * Unwraps a key of the expected type and length; undefined when the MAC or the contents are not
 * right.
 */
export function openKey(
  datum: Datum,
  wrappingKey: Uint8Array,
  expected: { keyType: number; length: number },
): Uint8Array | undefined {
  if (datum.type !== DATUM_TYPE.aesCcm || datum.bytes.length <= CIPHERTEXT_AT) return undefined
  const { bytes } = datum
  const decipher = createDecipheriv(
    'aes-256-ccm',
    wrappingKey,
    bytes.subarray(NONCE_AT, MAC_AT),
    CCM,
  )
  decipher.setAuthTag(bytes.subarray(MAC_AT, CIPHERTEXT_AT))
  let plaintext: Uint8Array | undefined
  try {
    plaintext = decipher.update(bytes.subarray(CIPHERTEXT_AT))
    decipher.final()
    return decodeKey(plaintext, expected.keyType, expected.length)
  } catch {
    return undefined
  } finally {
    plaintext?.fill(0)
  }
}

/** Wraps a key into a whole AES-CCM datum. */
export function sealKey(
  wrapped: { keyType: number; key: Uint8Array; role?: number },
  wrappingKey: Uint8Array,
  nonce: Nonce,
): Uint8Array {
  const nonceBytes = new Uint8Array(MAC_AT - NONCE_AT)
  writeU64(nonceBytes, 0, nonce.time)
  writeU32(nonceBytes, 8, nonce.counter)
  const plaintext = encodeKey(wrapped.keyType, wrapped.key, { flags: 0 })
  const cipher = createCipheriv('aes-256-ccm', wrappingKey, nonceBytes, CCM)
  const ciphertext = cipher.update(plaintext)
  cipher.final()
  plaintext.fill(0)
  return encodeDatum(
    { role: wrapped.role ?? 0, type: DATUM_TYPE.aesCcm },
    nonceBytes,
    cipher.getAuthTag(),
    ciphertext,
  )
}

/** The nonce time of an AES-CCM datum, without the top bit that Windows sets in some of them. */
export function nonceTime(datum: Datum): bigint {
  return readU64(datum.bytes, NONCE_AT) & 0x7fff_ffff_ffff_ffffn
}
