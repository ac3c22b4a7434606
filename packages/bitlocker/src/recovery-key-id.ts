/**
 * The recovery key ID: the GUID of the protector that a recovery password belongs to, in the forms
 * Windows shows. Source of truth: docs/spec/recovery-password.md, section "Recovery key ID".
 */
import { BITLOCKER_LIMITS } from './limits.ts'

/**
 * A whole ID, or the beginning of one; both lower-case with hyphens where a GUID has them, so
 * `id.startsWith(prefix)`.
 */
export type RecoveryKeyId = { id: string } | { prefix: string }

/** Every code, for whoever documents or checks them. */
export const RECOVERY_KEY_ID_ERROR_CODES = [
  'RECOVERY_KEY_ID_INVALID',
  'RECOVERY_KEY_ID_TOO_SHORT',
] as const

export type RecoveryKeyIdErrorCode = (typeof RECOVERY_KEY_ID_ERROR_CODES)[number]

/** Why a text is no recovery key ID. */
export class RecoveryKeyIdError extends Error {
  override readonly name = 'RecoveryKeyIdError'
  readonly code: RecoveryKeyIdErrorCode

  constructor(code: RecoveryKeyIdErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * Reads a recovery key ID as people type it: with or without braces, hyphens and blanks, in any
 * case, whole or the first eight or more hexadecimal characters (the recovery screen shows eight).
 * Throws RecoveryKeyIdError.
 */
export function parseRecoveryKeyId(text: string): RecoveryKeyId {
  const invalid = 'A recovery key ID is a GUID, or its first 8 or more characters (0-9, A-F)'
  if (text.length > BITLOCKER_LIMITS.recoveryKeyIdCharacters) {
    throw new RecoveryKeyIdError('RECOVERY_KEY_ID_INVALID', invalid)
  }
  const hex = text.replaceAll(/[\s{}\-‐-―−]/gu, '').toLowerCase()
  if (!/^[0-9a-f]*$/.test(hex) || hex.length > 32) {
    throw new RecoveryKeyIdError('RECOVERY_KEY_ID_INVALID', invalid)
  }
  if (hex.length < BITLOCKER_LIMITS.recoveryKeyIdPrefixMinCharacters) {
    throw new RecoveryKeyIdError(
      'RECOVERY_KEY_ID_TOO_SHORT',
      `A recovery key ID needs at least its first ` +
        `${BITLOCKER_LIMITS.recoveryKeyIdPrefixMinCharacters} characters`,
    )
  }
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ]
  const hyphenated = parts.filter((part) => part !== '').join('-')
  return hex.length === 32 ? { id: hyphenated } : { prefix: hyphenated }
}
