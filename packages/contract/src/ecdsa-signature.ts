/**
 * ECDSA signatures on P-256 in their two forms: 64 bytes r ‖ s, as JWS has them (RFC 7518 §3.4),
 * and DER `SEQUENCE { INTEGER r, INTEGER s }`, as OpenSSL has them (RFC 3279 §2.2.3).
 */

const NUMBER_LENGTH = 32
const SEQUENCE = 0x30
const INTEGER = 0x02

/** Takes 64 bytes, whatever numbers they hold. */
export function ecdsaJwsToDer(signature: Uint8Array): Uint8Array {
  const r = derInteger(signature.subarray(0, NUMBER_LENGTH))
  const s = derInteger(signature.subarray(NUMBER_LENGTH))
  return Uint8Array.of(SEQUENCE, r.length + s.length, ...r, ...s)
}

/** Takes what OpenSSL made: lengths below 128, minimal integers. */
export function ecdsaDerToJws(der: Uint8Array): Uint8Array {
  const signature = new Uint8Array(2 * NUMBER_LENGTH)
  let offset = 2
  for (const end of [NUMBER_LENGTH, 2 * NUMBER_LENGTH]) {
    const length = der[offset + 1] ?? 0
    const content = der.subarray(offset + 2, offset + 2 + length)
    const number = content[0] === 0 ? content.subarray(1) : content
    signature.set(number, end - number.length)
    offset += 2 + length
  }
  return signature
}

/**
 * Minimal and not negative: no leading zero but the one that keeps the first bit from being a sign.
 */
function derInteger(number: Uint8Array): number[] {
  let start = 0
  while (start < number.length - 1 && number[start] === 0) start += 1
  const content = [...number.subarray(start)]
  if ((content[0] ?? 0) >= 0x80) content.unshift(0)
  return [INTEGER, content.length, ...content]
}
