/**
 * What an owner is told before he asks for a key: whether he would be shown one, and which keys
 * there are. Where the key ID must be typed from the recovery screen, no list gives it away: it
 * proves that somebody stands before the device.
 */

import { LIMITS, type OwnRecoveryKeyList, type RecoveryStatus } from '@keydesk/contract'
import type { UserActor } from '../access/actor.ts'
import { isApprovalDemanded } from '../approvals/approval-rule-queries.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { toRecoveryKey } from '../recovery/find-recovery-keys.ts'
import { selectRecoveryKeys } from '../recovery/key-queries.ts'
import { judgeOwnership, refusalError } from './self-service-verdict.ts'
import { selectOwnershipFacts, type OwnershipFacts } from './verdict-queries.ts'

/** Throws AppError NOT_FOUND where it is somebody else's device. */
export async function recoveryStatus(
  deps: Pick<Deps, 'db' | 'clock'>,
  owner: UserActor,
  deviceId: string,
): Promise<RecoveryStatus> {
  const facts = await factsOf(deps, owner, deviceId)
  const verdict = judgeOwnership(facts, deps.clock.now())
  const refused = verdict.isAllowed ? undefined : verdict
  const condition = refused?.condition
  if (refused !== undefined && condition === 'notOwner') throw refusalError(refused)
  return {
    isAllowed: verdict.isAllowed,
    ...(refused === undefined || condition === undefined || condition === 'notOwner'
      ? {}
      : { condition, detail: refused.detail }),
    keyIdMustBeTyped: facts.key_id_must_be_typed,
    approvalDemanded: await isApprovalDemanded(deps.db, deviceId),
    ...(facts.helpdesk_contact === null ? {} : { helpdeskContact: facts.helpdesk_contact }),
  }
}

/** Throws AppError NOT_FOUND or SELF_SERVICE_REFUSED. */
export async function listOwnRecoveryKeys(
  deps: Pick<Deps, 'db' | 'clock'>,
  owner: UserActor,
  deviceId: string,
): Promise<OwnRecoveryKeyList> {
  const facts = await factsOf(deps, owner, deviceId)
  const verdict = judgeOwnership(facts, deps.clock.now())
  if (!verdict.isAllowed) throw refusalError(verdict)
  const rows = await selectRecoveryKeys(deps.db, {
    deviceId,
    reach: { allowed: { ...NO_DEVICES, deviceIds: [deviceId] }, denied: NO_DEVICES },
    limit: LIMITS.pageSizeMax,
  })
  return {
    items: rows.map((row) => {
      const { recoveryKeyId, volume, state, escrowedAt } = toRecoveryKey(row)
      const { id: _, ...place } = volume
      return {
        ...(facts.key_id_must_be_typed ? {} : { recoveryKeyId }),
        volume: place,
        state,
        escrowedAt,
      }
    }),
  }
}

const NO_DEVICES = { everywhere: false, unitIds: [], deviceIds: [] }

async function factsOf(
  deps: Pick<Deps, 'db'>,
  owner: UserActor,
  deviceId: string,
): Promise<OwnershipFacts> {
  const [facts] = await selectOwnershipFacts(deps.db, [{ userId: owner.id, deviceId }])
  if (facts === undefined) throw new AppError('INTERNAL_ERROR', 'A question was not answered.')
  return facts
}
