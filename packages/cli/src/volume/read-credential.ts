/**
 * The recovery password or startup key that a command was given. Invariants: it comes from a file
 * or standard input, never from an argument; what was read is wiped once it is parsed.
 */
import { BITLOCKER_LIMITS } from '@keydesk/bitlocker'
import { parseStartupKey } from '@keydesk/bitlocker/volume'
import type { Credential } from '@keydesk/bitlocker/volume'

import { CommandError } from '../command-error.ts'
import { PASSWORD_FILE_BYTES_MAX } from '../limits.ts'
import { readFileBounded, readStdinBounded } from './read-file-bounded.ts'
import { recoveryKeyInText } from './recovery-password-text.ts'

export interface CredentialOptions {
  readonly recoveryPasswordFile?: string
  readonly startupKey?: string
}

export type FileCredential = Exclude<Credential, { type: 'password' }>

const PROMPT = 'Recovery password (48 digits), then Enter: '

/** Exactly one of the two. The caller wipes it. Throws CommandError, VolumeError STARTUP_KEY. */
export async function readCredential(
  options: CredentialOptions,
  signal: AbortSignal,
): Promise<FileCredential> {
  const { recoveryPasswordFile, startupKey } = options
  if ((recoveryPasswordFile === undefined) === (startupKey === undefined)) {
    throw new CommandError(
      'USAGE',
      'Give either --recovery-password-file FILE (- for standard input) or --startup-key FILE',
    )
  }
  if (startupKey !== undefined) {
    const bytesMax = BITLOCKER_LIMITS.startupKeyFileBytes
    const file = await readFileBounded(startupKey, { bytesMax, signal })
    try {
      return { type: 'startupKey', startupKey: parseStartupKey(file) }
    } finally {
      file.fill(0)
    }
  }
  const limits = { bytesMax: PASSWORD_FILE_BYTES_MAX, signal }
  const text =
    recoveryPasswordFile === undefined || recoveryPasswordFile === '-'
      ? await readStdinBounded(PROMPT, limits)
      : await readFileBounded(recoveryPasswordFile, limits)
  try {
    return { type: 'recoveryPassword', recoveryKey: recoveryKeyInText(text) }
  } finally {
    text.fill(0)
  }
}

/** The credential in words, as the subject of a sentence. */
export function nameOf(credential: FileCredential): string {
  return credential.type === 'startupKey' ? 'This startup key' : 'This recovery password'
}

export function wipe(credential: FileCredential): void {
  const secret =
    credential.type === 'startupKey' ? credential.startupKey.key : credential.recoveryKey
  secret.fill(0)
}
