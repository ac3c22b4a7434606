/**
 * The startup key file (.BEK): the external key of one startup key protector
 * (docs/spec/fve-metadata.md, "Startup key file"). Invariant: the file is a secret; no error
 * repeats any of it.
 */
import {
  DATUM_ROLE,
  DATUM_TYPE,
  encodeDatum,
  encodeString,
  NESTED_AT,
  nestedDatums,
  parseDatums,
} from './datum.ts'
import { dateFromFiletime, filetimeFromDate } from './filetime.ts'
import { guidFromBytes, guidToBytes } from './guid.ts'
import { decodeKey, encodeKey, KEY_TYPE } from './key-datum.ts'
import { BITLOCKER_LIMITS } from './limits.ts'
import { concatBytes, readU32, readU64, take, writeU32 } from './little-endian.ts'
import { VolumeError } from './volume-error.ts'

export interface StartupKey {
  /** The protector that it belongs to. */
  readonly protectorId: string
  readonly createdAt: Date
  /** Given by Windows 11 only. */
  readonly volumeId?: string
  /** 32 bytes, secret. */
  readonly key: Uint8Array
}

const FILE_HEADER = 48

/** Reads a .BEK file. Throws VolumeError STARTUP_KEY. */
export function parseStartupKey(file: Uint8Array): StartupKey {
  const wrong = (why: string) =>
    new VolumeError('STARTUP_KEY', `This is not a startup key file (.BEK): ${why}`)
  if (file.length > BITLOCKER_LIMITS.startupKeyFileBytes) throw wrong('it is too long')
  try {
    if (readU32(file, 0) !== file.length || readU32(file, 8) !== FILE_HEADER) {
      throw wrong('its sizes contradict each other')
    }
    const external = parseDatums(file, FILE_HEADER, file.length).find(
      (datum) => datum.type === DATUM_TYPE.externalKey && datum.role === DATUM_ROLE.startupKey,
    )
    if (!external) throw wrong('it holds no external key')
    const parts = nestedDatums(external, NESTED_AT.externalKey)
    const keyDatum = parts.find((datum) => datum.type === DATUM_TYPE.key)
    const key = keyDatum && decodeKey(keyDatum.bytes, KEY_TYPE.external, 32)
    if (!key) throw wrong('it holds no external key')
    const volumeId = parts.find((datum) => datum.type === DATUM_TYPE.guid)
    return {
      protectorId: guidFromBytes(take(external.bytes, 8, 16)),
      createdAt: dateFromFiletime(readU64(external.bytes, 24)),
      ...(volumeId && { volumeId: guidFromBytes(take(volumeId.bytes, 8, 16)) }),
      key,
    }
  } catch (error) {
    if (error instanceof VolumeError && error.code !== 'STARTUP_KEY') throw wrong('it is cut off')
    throw error
  }
}

/** The bytes of a .BEK file, as Windows writes it: 156, or with a volume ID (Windows 11) 180. */
export function formatStartupKey(startupKey: StartupKey): Uint8Array {
  const time = new Uint8Array(8)
  new DataView(time.buffer).setBigUint64(0, filetimeFromDate(startupKey.createdAt), true)
  const id = guidToBytes(startupKey.protectorId)
  const volumeId =
    startupKey.volumeId === undefined
      ? new Uint8Array()
      : encodeDatum(
          { role: DATUM_ROLE.volumeId, type: DATUM_TYPE.guid },
          guidToBytes(startupKey.volumeId),
        )
  const external = encodeDatum(
    { role: DATUM_ROLE.startupKey, type: DATUM_TYPE.externalKey },
    id,
    time,
    encodeString(DATUM_ROLE.property, 'ExternalKey'),
    volumeId,
    encodeKey(KEY_TYPE.external, startupKey.key, { flags: 1 }),
  )
  const header = new Uint8Array(FILE_HEADER)
  const size = FILE_HEADER + external.length
  writeU32(header, 0, size)
  writeU32(header, 4, 1)
  writeU32(header, 8, FILE_HEADER)
  writeU32(header, 12, size)
  header.set(id, 16)
  writeU32(header, 32, 1)
  header.set(time, 40)
  return concatBytes(header, external)
}
