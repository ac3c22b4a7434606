/**
 * The key datum (docs/spec/fve-metadata.md, "Key datum"): u16 key type, u16 key flags, key bytes.
 * It is also what every encrypted key contains. Invariant: a key is returned only if type, length
 * and sizes are exactly as expected.
 */
import { DATUM_TYPE, encodeDatum } from './datum.ts'
import { readU16, take, writeU16 } from './little-endian.ts'

export const KEY_TYPE = {
  recoveryKey: 0x1000,
  password: 0x1001,
  clear: 0x2000,
  external: 0x2002,
  volumeMaster: 0x2003,
  blockHash: 0x2005,
  stretchedPassword: 0x2007,
  stretchedRecovery: 0x2008,
} as const

const KEY_AT = 12

/** The key bytes of a whole key datum, or undefined if it is not one of this type and length. */
export function decodeKey(
  datum: Uint8Array,
  keyType: number,
  length: number,
): Uint8Array | undefined {
  if (datum.length !== KEY_AT + length || readU16(datum, 0) !== datum.length) return undefined
  if (readU16(datum, 4) !== DATUM_TYPE.key || readU16(datum, 8) !== keyType) return undefined
  return take(datum, KEY_AT, length)
}

/** A whole key datum; datum flags are 0 inside an encryption and 1 on the disk. */
export function encodeKey(
  keyType: number,
  key: Uint8Array,
  { flags }: { flags: 0 | 1 },
): Uint8Array {
  const kind = new Uint8Array(4)
  writeU16(kind, 0, keyType)
  return encodeDatum({ role: 0, type: DATUM_TYPE.key, flags }, kind, key)
}
