/** Sizes as people type them: `64M`, `1G`, `1.5 GiB` is not one; a bare number is bytes. */
import { BITLOCKER_LIMITS } from '@keydesk/bitlocker'

import { CommandError } from '../command-error.ts'

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
}

/** Bytes. Units are powers of 1024: K, M, G, T, also as KiB and so on. Throws CommandError. */
export function parseSize(text: string): number {
  const match = /^(\d{1,15})(?:([KMGT])(?:iB)?)?$/i.exec(text.trim())
  const factor = FACTORS[match?.[2]?.toUpperCase() ?? '']
  if (!match || factor === undefined) {
    throw new CommandError(
      'SIZE_INVALID',
      'A size is a whole number with K, M, G or T behind it, such as 64M, or a number of bytes',
    )
  }
  const bytes = Number(match[1]) * factor
  const { newVolumeMinBytes, volumeMaxBytes } = BITLOCKER_LIMITS
  if (bytes < newVolumeMinBytes || bytes > volumeMaxBytes) {
    throw new CommandError('SIZE_INVALID', 'A volume has a size from 1M to 64T')
  }
  return bytes
}
