/**
 * The private keys of a deployment, in memory.
 *
 * Every key is named by its RFC 7638 thumbprint, so an ID can be checked against the key it names
 * and two deployments never share one. `keyring-file.ts` is the form on the disk.
 */

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto'
import { jwkThumbprint } from '@keydesk/contract/jwk-thumbprint'

/** An elliptic key's public members, as they go over the wire. */
type PublicJwk =
  | { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string }
  | { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string }

export interface KeyringKey {
  /** RFC 7638 thumbprint (SHA-256, base64url) of the public key. */
  readonly id: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly publicJwk: PublicJwk
}

export interface Keyring {
  /** P-256: devices seal recovery keys to it (docs/spec/sealed-key.md). */
  readonly vaultKey: KeyringKey
  /** Ed25519: signs receipts (docs/spec/receipt.md). */
  readonly receiptKey: KeyringKey
}

/** New random keys. Called at the first run of a deployment, and by tests; never otherwise. */
export function generateKeyring(): Keyring {
  return {
    vaultKey: keyringKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
    receiptKey: keyringKey(generateKeyPairSync('ed25519').privateKey),
  }
}

/**
 * @throws TypeError when the JWK is not a private P-256 or Ed25519 key. The message holds no key.
 */
export function keyringKeyFromJwk(jwk: JsonWebKey): KeyringKey {
  let privateKey: KeyObject
  try {
    privateKey = createPrivateKey({ key: jwk, format: 'jwk' })
  } catch {
    // OpenSSL's own error may quote the input.
    throw new TypeError('not a private key in JWK form')
  }
  return keyringKey(privateKey)
}

function keyringKey(privateKey: KeyObject): KeyringKey {
  const publicKey = createPublicKey(privateKey)
  assertPair(privateKey, publicKey)
  const publicJwk = publicMembers(publicKey.export({ format: 'jwk' }))
  return { id: jwkThumbprint(publicKey), privateKey, publicKey, publicJwk }
}

/** OpenSSL takes the two halves of an EC key as they come; devices would seal to a key we lack. */
function assertPair(privateKey: KeyObject, publicKey: KeyObject): void {
  const digest = privateKey.asymmetricKeyType === 'ec' ? 'sha256' : null
  const probe = Buffer.from('keydesk key pair')
  if (!verify(digest, probe, publicKey, sign(digest, probe, privateKey))) {
    throw new TypeError('the private and the public half of a key do not belong together')
  }
}

function publicMembers(jwk: JsonWebKey): PublicJwk {
  const { kty, crv, x, y } = jwk
  if (kty === 'EC' && crv === 'P-256' && x !== undefined && y !== undefined)
    return { kty, crv, x, y }
  if (kty === 'OKP' && crv === 'Ed25519' && x !== undefined) return { kty, crv, x }
  throw new TypeError('a keyring holds P-256 and Ed25519 keys only')
}
