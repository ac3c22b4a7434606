import type { Credential, WorkOptions } from './credential.ts'
import type { UnlockedVolume } from './unlocked-volume.ts'
import { VolumeError } from './volume-error.ts'
import type { VolumeStorage } from './volume-storage.ts'

export interface UnlockOptions extends WorkOptions {
  /** Try this protector only. */
  readonly protectorId?: string | undefined
}

/** Undefined when the credential does not unlock the volume. */
export async function unlockVolume(
  _storage: VolumeStorage,
  _credential: Credential,
  _options: UnlockOptions = {},
): Promise<UnlockedVolume | undefined> {
  throw new VolumeError('VOLUME_STATE', 'Not written yet')
}
