/**
 * Strict base64url without padding (RFC 4648 §5): exactly one text for every byte string, so that two texts never name the
 * same bytes. `decodeBase64Url` returns undefined for anything else.
 */
import { base64url } from 'jose'

export function encodeBase64Url(bytes: Uint8Array): string {
  return base64url.encode(bytes)
}

export function decodeBase64Url(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined
  let bytes: Uint8Array
  try {
    bytes = base64url.decode(text)
  } catch {
    // A length that base64 cannot have.
    return undefined
  }
  // The unused low bits of the last character must be zero.
  return encodeBase64Url(bytes) === text ? bytes : undefined
}
