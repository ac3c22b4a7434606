/** Unlocking for commands that cannot go on without it. */
import { unlockVolume } from '@keydesk/bitlocker/volume'
import type { UnlockedVolume, VolumeStorage } from '@keydesk/bitlocker/volume'

import { CommandError, EXIT_REFUSED } from '../command-error.ts'
import { progressLine } from '../progress-line.ts'
import { nameOf } from './read-credential.ts'
import type { FileCredential } from './read-credential.ts'

/** Throws CommandError CREDENTIAL_REFUSED, with exit code 1, when it does not unlock. */
export async function unlockOrRefuse(
  storage: VolumeStorage,
  credential: FileCredential,
  signal: AbortSignal,
): Promise<UnlockedVolume> {
  using progress = progressLine('Unlocking')
  const unlocked = await unlockVolume(storage, credential, { signal, onProgress: progress.update })
  if (unlocked) return unlocked
  throw new CommandError(
    'CREDENTIAL_REFUSED',
    `${nameOf(credential)} does not unlock the volume; ` +
      '"keydesk volume inspect" shows the recovery key IDs that it takes',
    { exitCode: EXIT_REFUSED },
  )
}
