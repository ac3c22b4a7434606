/**
 * Finds the key that an owner means by what he typed from the recovery screen, if the rules of
 * self-service allow him to be shown it. The rules are asked again inside the transaction of the
 * disclosure.
 */

import type { UserActor } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import { selectKeysOfDevice, type KeyToDisclose } from '../recovery/disclosure-queries.ts'
import { protectorRange } from '../recovery/protector-range.ts'
import { judgeOwnership, refusal, refusalError } from './self-service-verdict.ts'
import { selectOwnershipFacts } from './verdict-queries.ts'

/**
 * `whenAllowed` runs before the key ID is looked at: what else must hold. Throws AppError NOT_FOUND
 * where it is somebody else's device, SELF_SERVICE_REFUSED or INVALID_REQUEST.
 */
export async function findOwnKey(
  deps: Pick<Deps, 'db' | 'clock'>,
  owner: UserActor,
  wanted: { readonly deviceId: string; readonly keyId: string },
  whenAllowed: () => void = () => undefined,
): Promise<KeyToDisclose> {
  const range = protectorRange(wanted.keyId)
  const { deviceId } = wanted
  const [facts] = await selectOwnershipFacts(deps.db, [{ userId: owner.id, deviceId }])
  if (facts === undefined) throw new Error('a question about self-service was not answered')
  const verdict = judgeOwnership(facts, deps.clock.now())
  if (!verdict.isAllowed) throw refusalError(verdict)
  whenAllowed()
  const [key, another] = await selectKeysOfDevice(deps.db, deviceId, range)
  if (key === undefined) {
    const sentence =
      'No stored key of this device has the key ID that you typed. Compare it with the screen.'
    throw refusalError(refusal(facts, 'keyIdMismatch', sentence))
  }
  if (another !== undefined) {
    const sentence = 'Several keys of this device begin like that. Type more of the key ID.'
    throw refusalError(refusal(facts, 'keyIdAmbiguous', sentence))
  }
  return key
}
