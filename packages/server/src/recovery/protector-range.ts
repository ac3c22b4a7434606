/** The recovery key IDs that somebody means by what he typed from the recovery screen. */

import { parseRecoveryKeyId, RecoveryKeyIdError } from '@keydesk/bitlocker'
import { AppError } from '../errors.ts'
import type { ProtectorRange } from './key-queries.ts'

/** `keyId`: whole, or its first 8 or more characters. Throws AppError INVALID_REQUEST. */
export function protectorRange(keyId: string): ProtectorRange {
  let parsed
  try {
    parsed = parseRecoveryKeyId(keyId)
  } catch (error) {
    if (!(error instanceof RecoveryKeyIdError)) throw error
    throw new AppError('INVALID_REQUEST', `keyId: ${error.message}.`, { cause: error })
  }
  if ('id' in parsed) return { first: parsed.id, last: parsed.id }
  const { prefix } = parsed
  const fill = (template: string): string => prefix + template.slice(prefix.length)
  return {
    first: fill('00000000-0000-0000-0000-000000000000'),
    last: fill('ffffffff-ffff-ffff-ffff-ffffffffffff'),
  }
}
