/** Finds the stored key that somebody may be shown by a role. What is out of reach is unknown. */

import type { PrincipalActor } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { selectKeysToDisclose, type FoundKey } from './disclosure-queries.ts'

/** Throws AppError NOT_FOUND or KEY_ID_AMBIGUOUS. */
export async function findKeyInReach(
  deps: Pick<Deps, 'db'>,
  { grants }: PrincipalActor,
  wanted: { readonly recoveryKeyId: string; readonly deviceId?: string | undefined },
): Promise<FoundKey> {
  const [key, another] = await selectKeysToDisclose(deps.db, wanted, {
    read: grants.reach('microsoft.directory/bitlockerKeys/key/read'),
    withApproval: grants.reach('keydesk/bitlockerKeys/key/readWithApproval'),
    inEmergency: grants.reach('keydesk/bitlockerKeys/key/readInEmergency'),
  })
  if (key === undefined) {
    throw new AppError('NOT_FOUND', 'No key with this ID is stored here.')
  }
  if (another !== undefined) {
    throw new AppError('KEY_ID_AMBIGUOUS', 'Say by deviceId which device the key is of.')
  }
  return key
}
