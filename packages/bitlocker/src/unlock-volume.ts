/**
 * Does this credential unlock the volume, and through which protector (docs/spec/fve-metadata.md,
 * "Verifying")? Invariants: every valid metadata copy is tried, the newest first, because other
 * software may use any of them; a yes is given only after the validation hash and the volume key
 * have been checked with what was unlocked.
 */
import { openKey } from './aes-ccm.ts'
import type { Credential, WorkOptions } from './credential.ts'
import { DATUM_ROLE } from './datum.ts'
import type { Datum } from './datum.ts'
import { isProtector } from './metadata-copy.ts'
import type { MetadataCopy } from './metadata-copy.ts'
import { openWithExternalKey, openWithPassword } from './open-protector.ts'
import { passwordInitial, PasswordStretcher, recoveryKeyInitial } from './password-key.ts'
import { parseProtector } from './protector.ts'
import type { ProtectorType } from './protector.ts'
import { readMetadata } from './read-volume.ts'
import { UnlockedVolume } from './unlocked-volume.ts'
import { isAuthentic, notAuthentic } from './validation.ts'
import { VolumeError } from './volume-error.ts'
import type { VolumeStorage } from './volume-storage.ts'

export interface UnlockOptions extends WorkOptions {
  /** Try this protector only. */
  readonly protectorId?: string | undefined
}

/** Bytes of the volume key by encryption method. */
const VOLUME_KEY_LENGTH: ReadonlyMap<number, number> = new Map([
  [0x8000, 64],
  [0x8001, 64],
  [0x8002, 16],
  [0x8003, 32],
  [0x8004, 32],
  [0x8005, 64],
])

/** Tries one protector: the master key, or undefined when the credential is not its. */
type Attempt = (protector: Datum) => Promise<Uint8Array | undefined>

/**
 * Unlocks with a recovery password, a startup key or a passphrase; the result is undefined when the
 * credential does not unlock the volume, and must be disposed when it does. A recovery password
 * costs one stretch (about 0.4 s) per recovery password protector until it fits. Throws
 * VolumeError: what readVolume throws, VOLUME_NOT_AUTHENTIC when it fits a protector in metadata
 * that was tampered with, PROTECTOR_NOT_FOUND when `protectorId` names none of its type.
 */
export async function unlockVolume(
  storage: VolumeStorage,
  credential: Credential,
  options: UnlockOptions = {},
): Promise<UnlockedVolume | undefined> {
  const metadata = await readMetadata(storage)
  if (credential.type === 'startupKey') {
    const { key, protectorId } = credential.startupKey
    if (options.protectorId !== undefined && options.protectorId !== protectorId) {
      throw new VolumeError('PROTECTOR_NOT_FOUND', 'The startup key belongs to another protector')
    }
    const wanted: Wanted = { type: 'startupKey', id: protectorId }
    return unlockCopies(metadata.valid, wanted, async (datum) => openWithExternalKey(datum, key))
  }
  const wanted: Wanted = { type: credential.type, id: options.protectorId }
  requireProtector(metadata.valid, wanted)
  using stretcher = new PasswordStretcher(initialOf(credential), options)
  return await unlockCopies(metadata.valid, wanted, (datum) => openWithPassword(datum, stretcher))
}

function initialOf(credential: Exclude<Credential, { type: 'startupKey' }>): Uint8Array {
  return credential.type === 'password'
    ? passwordInitial(credential.password)
    : recoveryKeyInitial(credential.recoveryKey)
}

interface Wanted {
  readonly type: ProtectorType
  readonly id: string | undefined
}

function wantedProtectors(copy: MetadataCopy, wanted: Wanted): { id: string; datum: Datum }[] {
  return copy.datums.filter(isProtector).flatMap((datum) => {
    const { id, type } = parseProtector(datum)
    const fits = type === wanted.type && (wanted.id === undefined || wanted.id === id)
    return fits ? [{ id, datum }] : []
  })
}

function requireProtector(copies: readonly MetadataCopy[], wanted: Wanted): void {
  if (wanted.id === undefined) return
  if (copies.some((copy) => wantedProtectors(copy, wanted).length > 0)) return
  throw new VolumeError('PROTECTOR_NOT_FOUND', 'The volume has no such protector of this type')
}

async function unlockCopies(
  copies: readonly MetadataCopy[],
  wanted: Wanted,
  attempt: Attempt,
): Promise<UnlockedVolume | undefined> {
  // One protector that cannot be tried must not hide another that fits.
  let failure: VolumeError | undefined
  for (const copy of copies) {
    for (const { id, datum } of wantedProtectors(copy, wanted)) {
      try {
        const masterKey = await attempt(datum)
        if (masterKey) return provenUnlocked(copy, id, masterKey)
      } catch (error) {
        if (!(error instanceof VolumeError) || error.code === 'PROTECTOR_LIMIT') throw error
        failure ??= error
      }
    }
  }
  if (failure) throw failure
  return undefined
}

function provenUnlocked(
  copy: MetadataCopy,
  protectorId: string,
  masterKey: Uint8Array,
): UnlockedVolume {
  if (!isAuthentic(copy, masterKey)) {
    masterKey.fill(0)
    throw notAuthentic()
  }
  const fvek = copy.datums.find((datum) => datum.role === DATUM_ROLE.fvek)
  const length = VOLUME_KEY_LENGTH.get(copy.method)
  const volumeKey =
    fvek && length !== undefined && openKey(fvek, masterKey, { keyType: copy.method, length })
  if (!volumeKey) {
    masterKey.fill(0)
    throw new VolumeError(
      'VOLUME_DAMAGED',
      'The key of the data cannot be unwrapped, or its encryption method is unknown',
    )
  }
  volumeKey.fill(0)
  return new UnlockedVolume({ volumeId: copy.volumeId, protectorId, masterKey })
}
