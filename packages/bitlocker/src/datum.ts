/**
 * Datums: the typed records that BitLocker's metadata is made of (docs/spec/fve-metadata.md,
 * "Datums"): u16 size with this header, u16 role, u16 type, u16 flags, contents. Invariants: a walk
 * is linear and never recursive; a datum's bytes are kept as they were read, so that what this
 * program does not know survives a rewrite verbatim.
 */
import { concatBytes, readU16, take, writeU16 } from './little-endian.ts'
import { VolumeError } from './volume-error.ts'

const DATUM_HEADER = 8

export const DATUM_TYPE = {
  key: 1,
  string: 2,
  stretchKey: 3,
  useKey: 4,
  aesCcm: 5,
  protector: 8,
  externalKey: 9,
  virtualization: 0xf,
  guid: 0x17,
} as const

export const DATUM_ROLE = {
  property: 0,
  protector: 2,
  fvek: 3,
  startupKey: 6,
  description: 7,
  virtualization: 0xf,
  recoveryKeyCopy: 0x12,
  stretchedKeyCopy: 0x13,
  volumeId: 0x19,
} as const

/** Length of the fixed part (header included) of the datums that hold further datums. */
export const NESTED_AT = { stretchKey: 28, useKey: 12, protector: 36, externalKey: 32 } as const

export interface Datum {
  readonly role: number
  readonly type: number
  readonly flags: number
  /** The whole datum, header included. */
  readonly bytes: Uint8Array
}

/**
 * The datums in [start, end). A size of 0 ends the list early; any other size that does not fit is
 * an error.
 */
export function parseDatums(bytes: Uint8Array, start: number, end: number): Datum[] {
  const datums: Datum[] = []
  let at = start
  while (at + DATUM_HEADER <= end) {
    const size = readU16(bytes, at)
    if (size === 0) return datums
    if (size < DATUM_HEADER || at + size > end) {
      throw new VolumeError(
        'VOLUME_DAMAGED',
        'A metadata entry is longer than its list or too short',
      )
    }
    datums.push({
      role: readU16(bytes, at + 2),
      type: readU16(bytes, at + 4),
      flags: readU16(bytes, at + 6),
      bytes: take(bytes, at, size),
    })
    at += size
  }
  if (at > end || bytes.subarray(at, end).some((byte) => byte !== 0)) {
    throw new VolumeError('VOLUME_DAMAGED', 'A metadata entry is cut off')
  }
  return datums
}

/** The datums inside a datum whose fixed part is `fixed` bytes long. */
export function nestedDatums(datum: Datum, fixed: number): Datum[] {
  if (datum.bytes.length < fixed) {
    throw new VolumeError('VOLUME_DAMAGED', 'A metadata entry is shorter than its fixed part')
  }
  return parseDatums(datum.bytes, fixed, datum.bytes.length)
}

/** Puts a datum together; flags are 1 on the disk and 0 inside an encrypted key. */
export function encodeDatum(
  kind: { role: number; type: number; flags?: number },
  ...contents: readonly Uint8Array[]
): Uint8Array {
  const datum = concatBytes(new Uint8Array(DATUM_HEADER), ...contents)
  if (datum.length > 0xffff) throw new VolumeError('VOLUME_METADATA_FULL', 'An entry is too long')
  writeU16(datum, 0, datum.length)
  writeU16(datum, 2, kind.role)
  writeU16(datum, 4, kind.type)
  writeU16(datum, 6, kind.flags ?? 1)
  return datum
}

/** UTF-16LE with a terminating zero. */
export function encodeString(role: number, text: string): Uint8Array {
  const units = new Uint8Array(2 * text.length + 2)
  for (let at = 0; at < text.length; at++) writeU16(units, 2 * at, text.charCodeAt(at))
  return encodeDatum({ role, type: DATUM_TYPE.string }, units)
}

/**
 * The text of a string datum, safe to print: control characters and half surrogates become U+FFFD.
 */
export function decodeString(datum: Datum): string {
  const units = datum.bytes.subarray(DATUM_HEADER)
  const text = new TextDecoder('utf-16le').decode(units)
  const end = text.indexOf('\0')
  // A terminal must not obey what a stranger's disk says.
  return (end === -1 ? text : text.slice(0, end)).replaceAll(/\p{Cc}/gu, '\uFFFD')
}
