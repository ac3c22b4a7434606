/**
 * Takes in the report of a device and answers with policy, what is due, and what is stored.
 *
 * Most check-ins say what the last one said: they cost reads only. Otherwise the report, what
 * follows from it (`plan-check-in.ts`) and the audit entries are one transaction, and the check-ins
 * of one device wait for each other.
 */

import type { CheckInRequest, CheckInResponse } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import type { DeviceActor } from '../access/actor.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { placeDevice } from '../directory/place-device.ts'
import { AppError } from '../errors.ts'
import { applyPlan } from './apply-plan.ts'
import {
  lockDevice,
  replaceProtectors,
  selectDeviceState,
  updateDevice,
  upsertVolumes,
} from './check-in-queries.ts'
import { areSameFacts, deviceFactColumns } from './device-facts.ts'
import { DEVICE_POLICY } from './device-policy.ts'
import { isDue, isEmptyPlan, planCheckIn, type DeviceState } from './plan-check-in.ts'
import type { Presence } from './presence.ts'
import { reportDigest } from './report-digest.ts'

/** Throws AppError INVALID_REQUEST when the report names a volume or a protector twice. */
export async function takeCheckIn(
  deps: Deps & { readonly presence: Presence },
  device: DeviceActor,
  report: CheckInRequest,
  requestId: string,
): Promise<CheckInResponse> {
  const protectorIds = distinctProtectorIds(report)
  const now = deps.clock.now()
  const digest = reportDigest(report)
  let state = await selectDeviceState(deps.db, device.id, protectorIds)
  const isSameReport = device.reportDigest !== undefined && digest.equals(device.reportDigest)
  if (!isSameReport || !isEmptyPlan(planCheckIn(state, report, now))) {
    state = await deps.db.transaction().execute(async (trx) => {
      const known = await lockDevice(trx, device.id)
      if (!isSameReport) {
        await storeReport(trx, device.id, report, { digest, now })
        const isSameDevice = areSameFacts(known, deviceFactColumns(report.device))
        if (!isSameDevice) await placeDevice(trx, device.id, { now, requestId })
      }
      const current = await selectDeviceState(trx, device.id, protectorIds)
      const plan = planCheckIn(current, report, now)
      await applyPlan(trx, plan, { device, now, requestId })
      return isEmptyPlan(plan) ? current : await selectDeviceState(trx, device.id, protectorIds)
    })
  }
  deps.presence.see(device.id, now)
  return answer(deps, state, now)
}

async function storeReport(
  trx: Transaction<Database>,
  deviceId: string,
  report: CheckInRequest,
  { digest, now }: { readonly digest: Buffer; readonly now: Date },
): Promise<void> {
  await updateDevice(trx, deviceId, report, digest)
  await upsertVolumes(trx, deviceId, report, now)
  await replaceProtectors(trx, deviceId, report, now)
}

function answer(deps: Deps, state: DeviceState, now: Date): CheckInResponse {
  return {
    policy: DEVICE_POLICY,
    actions: state.rotations
      .filter((rotation) => isDue(rotation, now))
      .map(({ id, volumeId, protectorId, trigger }) => ({
        id,
        type: 'rotateRecoveryPassword' as const,
        volumeId,
        protectorId,
        trigger,
      })),
    keys: state.keys
      .filter((key) => key.state === 'active')
      .map(({ volumeId, protectorId, proof }) => ({ volumeId, protectorId, proof })),
    checkInIntervalSeconds: deps.config.checkInIntervalSeconds,
    serverTime: now.toISOString(),
  }
}

/** A GUID that names two things would make the proof depend on the order of the list. */
function distinctProtectorIds(report: CheckInRequest): string[] {
  const volumeIds = report.volumes.map(({ volumeId }) => volumeId)
  const lists = report.volumes.map(({ protectors }) => (protectors ?? []).map(({ id }) => id))
  const isDistinct = [volumeIds, ...lists].every((ids) => new Set(ids).size === ids.length)
  if (!isDistinct) {
    throw new AppError('INVALID_REQUEST', 'The report names a volume or a protector twice.')
  }
  return [...new Set(lists.flat())]
}
