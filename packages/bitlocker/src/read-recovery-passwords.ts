/**
 * Reads back recovery passwords: Windows keeps each one on the disk, wrapped with the volume master
 * key, so that `manage-bde -protectors -get` can show it (docs/spec/fve-metadata.md, "Recovery
 * password protector").
 */
import { isProtector } from './metadata-copy.ts'
import { storedRecoveryKey } from './open-protector.ts'
import { parseProtector } from './protector.ts'
import { readMetadata } from './read-volume.ts'
import { UnlockedVolume } from './unlocked-volume.ts'
import { authenticCopy } from './validation.ts'
import type { VolumeStorage } from './volume-storage.ts'

/** One recovery password of a volume. */
export interface RecoveryPassword {
  readonly protectorId: string
  /** 16 bytes, secret; the caller wipes it. */
  readonly recoveryKey: Uint8Array
}

/**
 * Every recovery password of the volume that is kept on it, in the order of the disk; no stretch is
 * needed. A recovery password protector without a readable copy of its password (none is known) is
 * missing from the result: compare with `readVolume`. Throws VolumeError: VOLUME_CHANGED,
 * VOLUME_NOT_AUTHENTIC, and what readVolume throws.
 */
export async function readRecoveryPasswords(
  storage: VolumeStorage,
  unlocked: UnlockedVolume,
): Promise<RecoveryPassword[]> {
  const copy = authenticCopy(await readMetadata(storage), unlocked)
  const masterKey = UnlockedVolume.masterKeyOf(unlocked)
  return copy.datums.filter(isProtector).flatMap((datum) => {
    const { id, type } = parseProtector(datum)
    if (type !== 'recoveryPassword') return []
    const recoveryKey = storedRecoveryKey(datum, masterKey)
    return recoveryKey ? [{ protectorId: id, recoveryKey }] : []
  })
}
