/**
 * Finds the recovery password in a file: the 48 digits alone, or the text that Windows saves or
 * prints, in the encodings that Windows uses. Invariant: two different passwords are never guessed
 * between.
 */
import { parseRecoveryPassword, RecoveryPasswordError } from '@keydesk/bitlocker'

import { CommandError } from '../command-error.ts'

/** Eight groups as Windows writes them, on their own. */
const WHOLE_PASSWORD = /(?<![\d-])(?:\d{6}-){7}\d{6}(?![\d-])/g

/** The 16-byte recovery key. Throws CommandError with the code of the RecoveryPasswordError. */
export function recoveryKeyInText(file: Uint8Array): Uint8Array {
  const text = decode(file).trim()
  if (text === '') {
    throw new CommandError(
      'RECOVERY_PASSWORD_LENGTH',
      'There is no recovery password: the input is empty',
    )
  }
  const found = new Set(text.match(WHOLE_PASSWORD))
  if (found.size > 1) {
    throw new CommandError(
      'RECOVERY_PASSWORD_LENGTH',
      'The input has several recovery passwords: keep the one to use',
    )
  }
  const [only = text] = found
  try {
    return parseRecoveryPassword(only)
  } catch (error) {
    if (!(error instanceof RecoveryPasswordError)) throw error
    throw new CommandError(
      error.code,
      `This is not a recovery password. ${error.message}. Compare it with the original`,
    )
  }
}

/** Notepad and PowerShell write UTF-16 with a byte order mark, and UTF-8 with or without one. */
function decode(file: Uint8Array): string {
  const isUtf16 = file[0] === 0xff && file[1] === 0xfe
  return new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8').decode(file)
}
