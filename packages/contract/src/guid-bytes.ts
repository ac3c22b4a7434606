/**
 * GUID text ↔ the 16 bytes that our signed and sealed formats use: network byte order (RFC 9562
 * §4), the hexadecimal digits from left to right. Not the mixed-endian order that Windows keeps on
 * the disk.
 */

import { isGuid } from './fields.ts'

/** @throws TypeError when the text is not a lower-case GUID without braces. */
export function guidToNetworkBytes(guid: string): Uint8Array {
  if (!isGuid(guid)) throw new TypeError('not a lower-case GUID without braces')
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, Number.parseInt(guid.slice(0, 8), 16))
  view.setUint32(4, Number.parseInt(guid.slice(9, 13) + guid.slice(14, 18), 16))
  view.setUint32(8, Number.parseInt(guid.slice(19, 23) + guid.slice(24, 28), 16))
  view.setUint32(12, Number.parseInt(guid.slice(28), 16))
  return bytes
}
