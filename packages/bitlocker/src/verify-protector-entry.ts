/**
 * The server's proof of a key: does it open the protector entry that the device read from its disk?
 * No volume needed. Invariant: the entry comes from outside; it is bounded and fully checked before
 * a stretch is spent on it.
 */
import type { WorkOptions } from './credential.ts'
import { NESTED_AT, parseDatums } from './datum.ts'
import type { Datum } from './datum.ts'
import { BITLOCKER_LIMITS } from './limits.ts'
import { isProtector } from './metadata-copy.ts'
import { openWithPassword } from './open-protector.ts'
import { PasswordStretcher, recoveryKeyInitial } from './password-key.ts'
import { parseProtector } from './protector.ts'
import { VolumeError } from './volume-error.ts'

/**
 * Whether the 16-byte recovery key unwraps the volume master key of this on-disk recovery password
 * protector (`Protector.entry`). Costs one stretch. Throws VolumeError PROTECTOR_ENTRY when the
 * entry is no such protector, PROTECTOR_UNSUPPORTED for a derivation that is not known.
 */
export async function verifyProtectorEntry(
  entry: Uint8Array,
  recoveryKey: Uint8Array,
  options: WorkOptions = {},
): Promise<boolean> {
  const protector = parseEntry(entry)
  using stretcher = new PasswordStretcher(recoveryKeyInitial(recoveryKey), options)
  const masterKey = await onlyEntryErrors(() => openWithPassword(protector, stretcher))
  masterKey?.fill(0)
  return masterKey !== undefined
}

/** The recovery key ID that a protector entry names. Throws VolumeError PROTECTOR_ENTRY. */
export function protectorEntryId(entry: Uint8Array): string {
  return parseProtector(parseEntry(entry)).id
}

function parseEntry(entry: Uint8Array): Datum {
  if (entry.length > BITLOCKER_LIMITS.protectorEntryBytes) {
    throw wrongEntry(`it is longer than ${BITLOCKER_LIMITS.protectorEntryBytes} bytes`)
  }
  let datums
  try {
    datums = parseDatums(entry, 0, entry.length)
  } catch (error) {
    throw asEntryError(error)
  }
  const [datum, ...others] = datums
  if (!datum || others.length > 0 || datum.bytes.length !== entry.length) {
    throw wrongEntry('it is not exactly one entry')
  }
  if (!isProtector(datum) || datum.bytes.length < NESTED_AT.protector) {
    throw wrongEntry('it is not a protector')
  }
  if (parseProtector(datum).type !== 'recoveryPassword') {
    throw wrongEntry('it is not a recovery password protector')
  }
  return datum
}

async function onlyEntryErrors<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw asEntryError(error)
  }
}

function asEntryError(error: unknown): unknown {
  const damaged = error instanceof VolumeError && error.code === 'VOLUME_DAMAGED'
  return damaged ? wrongEntry('its contents are incomplete') : error
}

function wrongEntry(why: string): VolumeError {
  return new VolumeError('PROTECTOR_ENTRY', `This is not the entry of a recovery password: ${why}`)
}
