/**
 * From a password to the key that unwraps a protector (docs/spec/recovery-password.md, "From the
 * password to the key"): a first SHA-256, then the stretch with the protector's salt. Invariant:
 * each distinct salt costs one stretch however many copies hold it, and everything derived is wiped
 * at the end.
 */
import { createHash } from 'node:crypto'

import type { WorkOptions } from './credential.ts'
import { DATUM_TYPE, NESTED_AT, nestedDatums } from './datum.ts'
import type { Datum } from './datum.ts'
import { BITLOCKER_LIMITS } from './limits.ts'
import { readU16, take, writeU16 } from './little-endian.ts'
import { stretch } from './stretch.ts'
import { VolumeError } from './volume-error.ts'

/** The 32 bytes that a recovery key is stretched from. The caller wipes them. */
export function recoveryKeyInitial(recoveryKey: Uint8Array): Uint8Array {
  if (recoveryKey.length !== 16) {
    throw new VolumeError('VOLUME_OPTION', 'A recovery key has 16 bytes')
  }
  return createHash('sha256').update(recoveryKey).digest()
}

/** The 32 bytes that a passphrase is stretched from. The caller wipes them. */
export function passwordInitial(password: string): Uint8Array {
  if (password.length > BITLOCKER_LIMITS.passphraseCharacters) {
    throw new VolumeError(
      'VOLUME_OPTION',
      `A password has at most ${BITLOCKER_LIMITS.passphraseCharacters} characters`,
    )
  }
  const units = new Uint8Array(2 * password.length)
  for (let at = 0; at < password.length; at++) writeU16(units, 2 * at, password.charCodeAt(at))
  const once = createHash('sha256').update(units).digest()
  const twice = createHash('sha256').update(once).digest()
  units.fill(0)
  once.fill(0)
  return twice
}

/** The parts of a stretch key datum: its salt and the keys nested in it. */
export function parseStretchKey(datum: Datum): { salt: Uint8Array; nested: Datum[] } {
  const nested = nestedDatums(datum, NESTED_AT.stretchKey)
  // Flags name other derivations (PBKDF2 in FIPS mode); guessing would only ever say "wrong
  // password".
  if (readU16(datum.bytes, 10) !== 0) {
    throw new VolumeError(
      'PROTECTOR_UNSUPPORTED',
      'This protector derives its key in a way that is not supported (FIPS mode)',
    )
  }
  return { salt: take(datum.bytes, 12, 16), nested }
}

/** Whether a datum is a stretch key. */
export function isStretchKey(datum: Datum): boolean {
  return datum.type === DATUM_TYPE.stretchKey
}

/** Stretches one password with as many salts as needed. Dispose it to wipe what was derived. */
export class PasswordStretcher implements Disposable {
  readonly #initial: Uint8Array
  readonly #options: WorkOptions
  readonly #derived = new Map<string, Uint8Array>()

  /** Takes over `initial`. */
  constructor(initial: Uint8Array, options: WorkOptions) {
    this.#initial = initial
    this.#options = options
  }

  /** The 32-byte key for a salt; it stays this object's. */
  async keyFor(salt: Uint8Array): Promise<Uint8Array> {
    const name = salt.join()
    const known = this.#derived.get(name)
    if (known) return known
    if (this.#derived.size >= BITLOCKER_LIMITS.stretchesPerUnlock) {
      throw new VolumeError(
        'PROTECTOR_LIMIT',
        `More than ${BITLOCKER_LIMITS.stretchesPerUnlock} protectors would have to ` +
          `be tried: name the protector`,
      )
    }
    const key = await stretch(this.#initial, salt, this.#options)
    this.#derived.set(name, key)
    return key
  }

  [Symbol.dispose](): void {
    this.#initial.fill(0)
    for (const key of this.#derived.values()) key.fill(0)
  }
}
