import type { WorkOptions } from './credential.ts'
import type { RecoveryPassword } from './read-recovery-passwords.ts'
import type { UnlockedVolume } from './unlocked-volume.ts'
import { VolumeError } from './volume-error.ts'
import type { VolumeStorage } from './volume-storage.ts'

export interface AddRecoveryPasswordOptions extends WorkOptions {
  /** GUID of the new protector; random by default. */
  readonly protectorId?: string | undefined
  /** 16 bytes; random by default. */
  readonly recoveryKey?: Uint8Array | undefined
}

/** Phase A of a rotation: adds a recovery password protector; the old ones stay. */
export async function addRecoveryPassword(
  _storage: VolumeStorage,
  _unlocked: UnlockedVolume,
  _options: AddRecoveryPasswordOptions = {},
): Promise<RecoveryPassword> {
  throw new VolumeError('VOLUME_STATE', 'Not written yet')
}
