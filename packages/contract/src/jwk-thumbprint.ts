/**
 * RFC 7638 SHA-256 thumbprint of a public key: our name for every key, because it can be checked
 * against the key itself. Text form: base64url, 43 characters.
 */
import { createHash, type KeyObject } from 'node:crypto'

/** `base64url` text of the thumbprint. Takes a public or private EC or OKP key. */
export function jwkThumbprint(key: KeyObject): string {
  const jwk = key.export({ format: 'jwk' })
  // RFC 7638 §3.2: the required members of the key type, in lexicographic order, no white space.
  const members =
    jwk.kty === 'EC'
      ? { crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }
      : { crv: jwk.crv, kty: jwk.kty, x: jwk.x }
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}
