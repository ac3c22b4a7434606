/**
 * `keydesk volume passwords`: with one working credential, every recovery password of the volume,
 * so that those of a pulled disk can be escrowed. Changes nothing.
 */
import { formatRecoveryPassword } from '@keydesk/bitlocker'
import { readRecoveryPasswords, readVolume } from '@keydesk/bitlocker/volume'

import { interruption } from '../interruption.ts'
import { print, printJson } from '../print.ts'
import { openTarget } from './open-target.ts'
import type { TargetOptions } from './open-target.ts'
import { readCredential, wipe } from './read-credential.ts'
import type { CredentialOptions } from './read-credential.ts'
import { unlockOrRefuse } from './unlock-or-refuse.ts'
import { screenId, table } from './words.ts'

export interface PasswordsOptions extends TargetOptions, CredentialOptions {
  readonly json?: boolean
}

interface Found {
  readonly id: string
  /** Null where the volume lists the protector but keeps no readable copy of its password. */
  readonly recoveryPassword: string | null
}

export async function passwords(image: string, options: PasswordsOptions): Promise<number> {
  const signal = interruption()
  await using file = await openTarget(image, 'read', options)
  const { volumeId, protectors } = await readVolume(file)
  const credential = await readCredential(options, signal)
  try {
    using unlocked = await unlockOrRefuse(file, credential, signal)
    const known = new Map<string, string>()
    for (const { protectorId, recoveryKey } of await readRecoveryPasswords(file, unlocked)) {
      known.set(protectorId, formatRecoveryPassword(recoveryKey))
      recoveryKey.fill(0)
    }
    const recoveryPasswords = protectors
      .filter(({ type }) => type === 'recoveryPassword')
      .map(({ id }): Found => ({ id, recoveryPassword: known.get(id) ?? null }))
    await (options.json
      ? printJson({ volumeId, recoveryPasswords })
      : print(asText(recoveryPasswords)))
    return 0
  } finally {
    wipe(credential)
  }
}

function asText(found: readonly Found[]): string {
  if (found.length === 0) return 'This volume has no recovery password.\n'
  const blocks = found.map(({ id, recoveryPassword }) =>
    table([
      ['Recovery key ID', screenId(id)],
      ['Recovery password', recoveryPassword ?? 'not kept on the volume in readable form'],
    ]),
  )
  return blocks.join('\n')
}
