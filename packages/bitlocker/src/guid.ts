/**
 * GUIDs as Windows stores them (docs/spec/fve-metadata.md, section "Scalars"): the first three
 * fields little-endian, the last eight bytes as they are. As text: lower-case, hyphens, no braces,
 * everywhere in Keydesk.
 */

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Position in the stored bytes of each byte of the text. */
const STORED_POSITION = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const

/** Whether the text is a GUID in Keydesk's form: lower-case, with hyphens, without braces. */
export function isGuid(text: string): boolean {
  return GUID.test(text)
}

/** The text of 16 stored bytes. Throws a RangeError for any other length. */
export function guidFromBytes(bytes: Uint8Array): string {
  if (bytes.length !== 16) throw new RangeError('A GUID has 16 bytes')
  const hex = STORED_POSITION.map((at) => (bytes[at] ?? 0).toString(16).padStart(2, '0')).join('')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-')
}

/**
 * The 16 stored bytes of a GUID; case and braces do not matter. Throws a RangeError for anything
 * else.
 */
export function guidToBytes(text: string): Uint8Array {
  const inner = text.startsWith('{') && text.endsWith('}') ? text.slice(1, -1) : text
  const guid = inner.toLowerCase()
  if (!isGuid(guid)) throw new RangeError('This is not a GUID')
  const hex = guid.replaceAll('-', '')
  const bytes = new Uint8Array(16)
  for (const [position, at] of STORED_POSITION.entries()) {
    bytes[at] = Number.parseInt(hex.slice(2 * position, 2 * position + 2), 16)
  }
  return bytes
}
