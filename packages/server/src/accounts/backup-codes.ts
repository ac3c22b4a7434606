/**
 * Codes for the day the phone is gone: ten, each works once, shown only when they are made. Fifty
 * random bits each, so a keyed hash bound to the user is enough.
 */

import { randomInt } from 'node:crypto'
import { LIMITS } from '@keydesk/contract'
import type { Keyring } from '../vault/keyring.ts'
import { keyedHash } from './keyed-hash.ts'

/** Crockford's base32: no letter that looks like a digit. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const LENGTH = 10

/** As they are shown: `abcde-12345`. */
export function createBackupCodes(): string[] {
  return Array.from({ length: LIMITS.backupCodesCount }, () => {
    const characters = Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)])
    const text = characters.join('')
    return `${text.slice(0, LENGTH / 2)}-${text.slice(LENGTH / 2)}`
  })
}

/** However it was typed. Undefined: it cannot be a backup code. */
export function backupCodeHash(
  keyring: Keyring,
  userId: string,
  typed: string,
): Buffer | undefined {
  const code = typed
    .toLowerCase()
    .replaceAll(/[\s-]/g, '')
    .replaceAll('o', '0')
    .replaceAll(/[il]/g, '1')
  if (
    code.length !== LENGTH ||
    Array.from(code).some((character) => !ALPHABET.includes(character))
  ) {
    return undefined
  }
  return keyedHash(keyring, 'keydesk backup code v1', [userId, code])
}
