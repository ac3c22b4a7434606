/**
 * Which recovery password a rotation replaces. Invariant: what is not clear is refused with the
 * list of what there is; a guess could remove the password that somebody has on paper.
 */
import { parseRecoveryKeyId } from '@keydesk/bitlocker'
import type { Volume } from '@keydesk/bitlocker/volume'

import { CommandError } from '../command-error.ts'
import { screenId } from './words.ts'

/** The full ID of the protector that `text` names. Throws CommandError, RecoveryKeyIdError. */
export function namedProtector(volume: Volume, text: string): string {
  const wanted = parseRecoveryKeyId(text)
  const ids = recoveryKeyIds(volume)
  const hits = ids.filter((id) =>
    'id' in wanted ? id === wanted.id : id.startsWith(wanted.prefix),
  )
  const [only] = hits
  if (only !== undefined && hits.length === 1) return only
  const what = hits.length > 1 ? 'several recovery passwords' : 'no recovery password'
  throw new CommandError(
    'PROTECTOR_CHOICE',
    `The volume has ${what} with this recovery key ID; it has ${listed(hits.length > 1 ? hits : ids)}`,
  )
}

/** The one that a startup key replaces: the only one, or none. Throws CommandError. */
export function onlyProtector(volume: Volume): string | undefined {
  const ids = recoveryKeyIds(volume)
  if (ids.length <= 1) return ids[0]
  throw new CommandError(
    'PROTECTOR_CHOICE',
    `The volume has ${ids.length} recovery passwords; say with --protector which one to replace: ` +
      ids.map(screenId).join(' or '),
  )
}

function recoveryKeyIds({ protectors }: Volume): string[] {
  return protectors.filter(({ type }) => type === 'recoveryPassword').map(({ id }) => id)
}

function listed(ids: readonly string[]): string {
  return ids.length === 0 ? 'none at all' : ids.map(screenId).join(', ')
}
