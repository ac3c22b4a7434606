import type { WorkOptions } from './credential.ts'
import { VolumeError } from './volume-error.ts'

/** Whether the recovery key unwraps the volume master key of this on-disk protector entry. */
export async function verifyProtectorEntry(
  _entry: Uint8Array,
  _recoveryKey: Uint8Array,
  _options: WorkOptions = {},
): Promise<boolean> {
  throw new VolumeError('VOLUME_STATE', 'Not written yet')
}
