/**
 * The recovery password: 48 decimal digits in eight groups, and the 16-byte recovery key that they
 * encode. Source of truth: docs/spec/recovery-password.md. Invariant: no error ever repeats a digit
 * that was given.
 */
import { BITLOCKER_LIMITS } from './limits.ts'

/** Every code, for whoever documents or checks them. */
export const RECOVERY_PASSWORD_ERROR_CODES = [
  'RECOVERY_PASSWORD_LENGTH',
  'RECOVERY_PASSWORD_DIGIT',
  'RECOVERY_PASSWORD_CHECK',
  'RECOVERY_PASSWORD_RANGE',
] as const

export type RecoveryPasswordErrorCode = (typeof RECOVERY_PASSWORD_ERROR_CODES)[number]

const GROUPS = 8
const GROUP_DIGITS = 6
/** 65535 × 11: the largest group that still encodes 16 bits. */
const MAX_GROUP = 720_885
/**
 * Blanks of any kind, and every dash that a keyboard or a word processor puts in place of a hyphen.
 */
const SEPARATORS = /[\s\-‐-―−]+/u

/**
 * Why a text is no recovery password. `group` (1 to 8) says where, if the fault lies in one group.
 */
export class RecoveryPasswordError extends Error {
  override readonly name = 'RecoveryPasswordError'
  readonly code: RecoveryPasswordErrorCode
  readonly group?: number

  constructor(code: RecoveryPasswordErrorCode, message: string, group?: number) {
    super(message)
    this.code = code
    if (group !== undefined) this.group = group
  }
}

/**
 * The 16-byte recovery key of a recovery password. Takes 48 digits with or without hyphens and
 * blanks. Throws RecoveryPasswordError, which names the first group at fault and never its value.
 */
export function parseRecoveryPassword(text: string): Uint8Array {
  const key = new Uint8Array(2 * GROUPS)
  for (const [index, group] of splitGroups(text).entries()) {
    const value = groupValue(group, index + 1)
    key[2 * index] = value & 0xff
    key[2 * index + 1] = value >> 8
  }
  return key
}

/**
 * The recovery password of a 16-byte recovery key, as Windows prints it: 55 characters with
 * hyphens.
 */
export function formatRecoveryPassword(recoveryKey: Uint8Array): string {
  if (recoveryKey.length !== 2 * GROUPS) throw new RangeError('A recovery key has 16 bytes')
  const groups: string[] = []
  for (let at = 0; at < recoveryKey.length; at += 2) {
    const value = (recoveryKey[at] ?? 0) | ((recoveryKey[at + 1] ?? 0) << 8)
    groups.push(String(value * 11).padStart(GROUP_DIGITS, '0'))
  }
  return groups.join('-')
}

/** A new recovery key: 16 bytes from the platform's CSPRNG. Every value is a valid key. */
export function generateRecoveryKey(): Uint8Array {
  return globalThis.crypto.getRandomValues(new Uint8Array(2 * GROUPS))
}

function splitGroups(text: string): string[] {
  if (text.length > BITLOCKER_LIMITS.recoveryPasswordCharacters) {
    throw new RecoveryPasswordError(
      'RECOVERY_PASSWORD_LENGTH',
      `A recovery password has 48 digits; this text has more than ` +
        `${BITLOCKER_LIMITS.recoveryPasswordCharacters} characters`,
    )
  }
  const pieces = text.split(SEPARATORS).filter((piece) => piece !== '')
  if (pieces.length === GROUPS) return pieces
  const digits = pieces.join('')
  if (digits.length !== GROUPS * GROUP_DIGITS) {
    throw new RecoveryPasswordError(
      'RECOVERY_PASSWORD_LENGTH',
      `A recovery password has 48 digits in 8 groups of 6; here are ${digits.length} characters`,
    )
  }
  return Array.from({ length: GROUPS }, (_, index) =>
    digits.slice(index * GROUP_DIGITS, (index + 1) * GROUP_DIGITS),
  )
}

function groupValue(group: string, number: number): number {
  if (!/^[0-9]*$/.test(group)) {
    throw new RecoveryPasswordError(
      'RECOVERY_PASSWORD_DIGIT',
      `Group ${number} has a character that is not a digit`,
      number,
    )
  }
  if (group.length !== GROUP_DIGITS) {
    throw new RecoveryPasswordError(
      'RECOVERY_PASSWORD_LENGTH',
      `Group ${number} has ${group.length} digits instead of 6`,
      number,
    )
  }
  const value = Number(group)
  if (value > MAX_GROUP) {
    throw new RecoveryPasswordError(
      'RECOVERY_PASSWORD_RANGE',
      `Group ${number} is too large: check its digits`,
      number,
    )
  }
  if (value % 11 !== 0) {
    throw new RecoveryPasswordError(
      'RECOVERY_PASSWORD_CHECK',
      `Group ${number} is not a multiple of 11: one of its digits is wrong`,
      number,
    )
  }
  return value / 11
}
