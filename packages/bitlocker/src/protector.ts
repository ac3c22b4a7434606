/**
 * A key protector as the disk holds it (docs/spec/fve-metadata.md, "Protectors"). Invariant:
 * `entry` is the whole datum, byte for byte; everything else is read from it.
 */
import { NESTED_AT, nestedDatums } from './datum.ts'
import type { Datum } from './datum.ts'
import { dateFromFiletime } from './filetime.ts'
import { guidFromBytes } from './guid.ts'
import { readU16, readU64, take } from './little-endian.ts'

/**
 * As Windows names them. Combinations that Windows names otherwise (TPM and startup key, …) are
 * `unknown`.
 */
export type ProtectorType =
  | 'recoveryPassword'
  | 'tpm'
  | 'tpmAndPin'
  | 'startupKey'
  | 'password'
  | 'clearKey'
  | 'publicKey'
  | 'unknown'

export interface Protector {
  /** GUID; of a recovery password, its recovery key ID. */
  readonly id: string
  readonly type: ProtectorType
  readonly modifiedAt: Date
  /** The on-disk datum, whole: what `verifyProtectorEntry` takes. */
  readonly entry: Uint8Array
}

/** The high byte of the protection field; the low byte is a priority. */
const TYPES: ReadonlyMap<number, ProtectorType> = new Map([
  [0x00, 'clearKey'],
  [0x01, 'tpm'],
  [0x02, 'startupKey'],
  [0x05, 'tpmAndPin'],
  [0x08, 'recoveryPassword'],
  [0x10, 'publicKey'],
  [0x20, 'password'],
])

/** Reads a protector datum (role 2, type 8) whose fixed part is known to be complete. */
export function parseProtector(datum: Datum): Protector {
  return {
    id: guidFromBytes(take(datum.bytes, 8, 16)),
    type: TYPES.get(readU16(datum.bytes, 34) >> 8) ?? 'unknown',
    modifiedAt: dateFromFiletime(readU64(datum.bytes, 24)),
    entry: datum.bytes.slice(),
  }
}

/** What a protector consists of: wrapped keys, salt, name. */
export function protectorParts(datum: Datum): Datum[] {
  return nestedDatums(datum, NESTED_AT.protector)
}
