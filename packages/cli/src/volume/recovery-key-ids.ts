/** Which recovery passwords a volume takes, for people who have to find the right one. */
import type { Volume } from '@keydesk/bitlocker/volume'

import { screenId } from './words.ts'

/** Sentences with the recovery key IDs, on lines of their own. */
export function recoveryKeyIdLines({ protectors }: Volume): string {
  const ids = protectors.filter(({ type }) => type === 'recoveryPassword').map(({ id }) => id)
  if (ids.length === 0) return 'The volume has no recovery password at all.\n'
  const intro =
    ids.length === 1
      ? 'It takes the recovery password with this recovery key ID:\n'
      : 'It takes the recovery password with one of these recovery key IDs:\n'
  return `${intro}${ids.map((id) => `  ${screenId(id)}\n`).join('')}`
}
