/**
 * JWS compact serialisation (RFC 7515 §3.1) with ES256 and Ed25519, on `node:crypto`.
 *
 * `jose` judges it in the tests and was used first: it turns every key into a WebCrypto key, which
 * took a third of an escrow's processor time. Only what our two tokens need: the caller names the
 * algorithm and the key, so no header can choose either.
 *
 * Keys go to `node:crypto` as bare KeyObjects: inside an options object, node 24 finds out what
 * they are by failing, which costs 30 µs each time.
 */

import { sign, verify, type KeyObject } from 'node:crypto'
import { decodeBase64Url, encodeBase64Url } from './base64url.ts'
import { ecdsaDerToJws, ecdsaJwsToDer } from './ecdsa-signature.ts'

export type JwsAlgorithm = 'ES256' | 'EdDSA'

export interface CompactJws {
  /** Parsed JSON. Attacker-controlled until `isSignedBy` said yes. */
  readonly header: unknown
  /** Parsed only after the signature holds. */
  readonly payload: Uint8Array
  readonly signingInput: Uint8Array
  readonly signature: Uint8Array
}

const utf8 = new TextEncoder()

/** Both algorithms: two numbers of 32 bytes. */
const SIGNATURE_LENGTH = 64

export function signCompactJws(options: {
  readonly header: object
  readonly payload: object
  readonly algorithm: JwsAlgorithm
  readonly privateKey: KeyObject
}): string {
  const { header, payload, algorithm, privateKey } = options
  const input = `${encodeJson(header)}.${encodeJson(payload)}`
  requireKey(algorithm, privateKey)
  const bytes = sign(digestOf(algorithm), utf8.encode(input), privateKey)
  const signature = algorithm === 'ES256' ? ecdsaDerToJws(bytes) : bytes
  return `${input}.${encodeBase64Url(signature)}`
}

/** Undefined unless it has the form of a compact JWS with a JSON header. Verifies nothing. */
export function readCompactJws(text: string): CompactJws | undefined {
  const parts = text.split('.')
  const [header, payload, signature] = parts.map((part) => decodeBase64Url(part))
  if (parts.length !== 3) return undefined
  if (header === undefined || payload === undefined || signature === undefined) return undefined
  const signingInput = utf8.encode(text.slice(0, text.lastIndexOf('.')))
  return { header: parseJson(header), payload, signingInput, signature }
}

/**
 * At once, not on a thread of the pool: the hand-over and back costs as much as an Ed25519
 * signature and half of an ES256 verification (measured: 70 µs of a whole escrow's 650).
 */
export function isSignedBy(
  jws: CompactJws,
  algorithm: JwsAlgorithm,
  publicKey: KeyObject,
): boolean {
  requireKey(algorithm, publicKey)
  if (jws.signature.length !== SIGNATURE_LENGTH) return false
  const signature = algorithm === 'ES256' ? ecdsaJwsToDer(jws.signature) : jws.signature
  return verify(digestOf(algorithm), jws.signingInput, publicKey, signature)
}

/**
 * A key of the wrong kind would be used with another algorithm than the caller named. That an EC
 * key is on P-256 is seen where it is parsed or made; asking node for it takes 24 µs.
 */
function requireKey(algorithm: JwsAlgorithm, key: KeyObject): void {
  const expected = algorithm === 'ES256' ? 'ec' : 'ed25519'
  if (key.asymmetricKeyType !== expected) throw new TypeError(`${algorithm} needs another key`)
}

/** Ed25519 hashes by itself. */
function digestOf(algorithm: JwsAlgorithm): 'sha256' | null {
  return algorithm === 'ES256' ? 'sha256' : null
}

function encodeJson(value: object): string {
  return encodeBase64Url(utf8.encode(JSON.stringify(value)))
}

/** Undefined for what is not JSON in UTF-8. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}
