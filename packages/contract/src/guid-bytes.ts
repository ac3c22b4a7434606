/**
 * GUID text ↔ the 16 bytes that our signed and sealed formats use: network byte order (RFC 9562 §4), the hexadecimal digits
 * from left to right. Not the mixed-endian order that Windows keeps on the disk.
 */

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** @throws TypeError when the text is not a lower-case GUID without braces. */
export function guidToNetworkBytes(guid: string): Uint8Array {
  if (!GUID.test(guid)) throw new TypeError('not a lower-case GUID without braces')
  const hex = guid.replaceAll('-', '')
  return Uint8Array.from({ length: 16 }, (_, index) =>
    Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16),
  )
}
