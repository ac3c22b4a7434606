/** Parses a public key (SubjectPublicKeyInfo, RFC 5280 §4.1.2.7, DER). */

import { createPublicKey, type KeyObject } from 'node:crypto'
import { encodeBase64Url } from './base64url.ts'

/**
 * By way of PEM text, because node 24 takes half the time for it: it finds out by failing that
 * bytes are not a KeyObject. Throws node's own error for what is no public key.
 */
export function publicKeyFromSpki(spki: Uint8Array): KeyObject {
  const base64 = encodeBase64Url(spki).replaceAll('-', '+').replaceAll('_', '/')
  const padding = '='.repeat((3 - (spki.length % 3)) % 3)
  return createPublicKey(
    `-----BEGIN PUBLIC KEY-----\n${base64}${padding}\n-----END PUBLIC KEY-----\n`,
  )
}
