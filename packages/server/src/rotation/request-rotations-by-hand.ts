/** Rotates recovery passwords of a device because somebody says so: due at once. */

import { LIMITS, type RequestRotations, type RequestedRotations } from '@keydesk/contract'
import { auditActor, type PrincipalActor } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { toRotation } from './list-rotations.ts'
import { selectKeysToRotate, selectRotationsById } from './queries.ts'
import { requestRotations } from './request-rotations.ts'

/** Throws AppError NOTHING_TO_ROTATE. */
export async function requestRotationsByHand(
  deps: Deps,
  by: { readonly principal: PrincipalActor; readonly requestId: string },
  deviceId: string,
  wanted: RequestRotations,
): Promise<RequestedRotations> {
  const now = deps.clock.now()
  const ids = await deps.db.transaction().execute(async (trx) => {
    const keys = await selectKeysToRotate(trx, {
      deviceId,
      volumeId: wanted.volumeId,
      protectorId: wanted.protectorId,
      limit: LIMITS.rotationsPerRequestMax,
    })
    const rotations = await requestRotations(
      trx,
      keys.map((key) => ({
        keyId: key.id,
        deviceId,
        volumeId: key.volume_id,
        recoveryKeyId: key.protector_id,
        trigger: 'byHand',
        notBefore: now,
        now,
        actor: auditActor(by.principal),
        requestId: by.requestId,
      })),
    )
    return [...rotations.values()]
  })
  if (ids.length === 0) {
    throw new AppError(
      'NOTHING_TO_ROTATE',
      'This device has no active stored recovery password that matches.',
    )
  }
  return { items: (await selectRotationsById(deps.db, ids)).map(toRotation) }
}
