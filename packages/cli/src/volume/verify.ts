/**
 * `keydesk volume verify`: does this recovery password or startup key unlock this volume, and
 * through which protector? Exit code 0 yes, 1 no. Invariant: changes nothing.
 */
import { readVolume, unlockVolume } from '@keydesk/bitlocker/volume'
import type { Volume } from '@keydesk/bitlocker/volume'

import { EXIT_REFUSED } from '../command-error.ts'
import { interruption } from '../interruption.ts'
import { print, printJson } from '../print.ts'
import { progressLine } from '../progress-line.ts'
import { openTarget } from './open-target.ts'
import type { TargetOptions } from './open-target.ts'
import { nameOf, readCredential, wipe } from './read-credential.ts'
import type { CredentialOptions } from './read-credential.ts'
import { recoveryKeyIdLines } from './recovery-key-ids.ts'
import { screenId } from './words.ts'

export interface VerifyOptions extends TargetOptions, CredentialOptions {
  readonly json?: boolean
}

export async function verify(image: string, options: VerifyOptions): Promise<number> {
  const signal = interruption()
  await using file = await openTarget(image, 'read', options)
  // First, so that nobody types a password for something that is no volume.
  const volume = await readVolume(file)
  const credential = await readCredential(options, signal)
  const subject = nameOf(credential)
  try {
    using progress = progressLine('Trying')
    using unlocked = await unlockVolume(file, credential, { signal, onProgress: progress.update })
    progress[Symbol.dispose]()
    if (!unlocked) return await sayNo(volume, subject, options)
    const { protectorId } = unlocked
    const label = credential.type === 'startupKey' ? 'Protector' : 'Recovery key ID'
    await (options.json
      ? printJson({ unlocks: true, protectorId })
      : print(`${subject} unlocks the volume.\n${label}: ${screenId(protectorId)}\n`))
    return 0
  } finally {
    wipe(credential)
  }
}

async function sayNo(
  volume: Volume,
  subject: string,
  { json, recoveryPasswordFile }: VerifyOptions,
): Promise<number> {
  if (json) {
    await printJson({ unlocks: false })
    return EXIT_REFUSED
  }
  const hint = recoveryPasswordFile === undefined ? '' : recoveryKeyIdLines(volume)
  await print(`${subject} does not unlock the volume.\n${hint}`)
  return EXIT_REFUSED
}
