import type { WorkOptions } from './credential.ts'
import type { UnlockedVolume } from './unlocked-volume.ts'
import { VolumeError } from './volume-error.ts'
import type { VolumeStorage } from './volume-storage.ts'

/** Phase B of a rotation: removes recovery password protectors, never the last one. */
export async function removeProtectors(
  _storage: VolumeStorage,
  _unlocked: UnlockedVolume,
  _protectorIds: readonly string[],
  _options: WorkOptions = {},
): Promise<void> {
  throw new VolumeError('VOLUME_STATE', 'Not written yet')
}
