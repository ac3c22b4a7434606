import type { UnlockedVolume } from './unlocked-volume.ts'
import { VolumeError } from './volume-error.ts'
import type { VolumeStorage } from './volume-storage.ts'

/** One recovery password of a volume. */
export interface RecoveryPassword {
  readonly protectorId: string
  /** 16 bytes, secret; the caller wipes it. */
  readonly recoveryKey: Uint8Array
}

/** Reads back every recovery password of the volume. */
export async function readRecoveryPasswords(
  _storage: VolumeStorage,
  _unlocked: UnlockedVolume,
): Promise<RecoveryPassword[]> {
  throw new VolumeError('VOLUME_STATE', 'Not written yet')
}
