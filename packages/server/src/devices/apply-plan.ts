/**
 * Writes what a check-in changes, with an audit entry for each change, in the caller's transaction.
 */

import type { Transaction } from 'kysely'
import type { DeviceActor } from '../access/actor.ts'
import { appendAudit, type NewAuditEntry } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import { queueProofs } from '../escrow/proof-queries.ts'
import { requestRotations, type RotationRequest } from '../rotation/request-rotations.ts'
import { retryDelaySeconds } from '../rotation/retry-delay.ts'
import {
  closeExposure,
  lockKeys,
  markDelivered,
  reopenExposures,
  selectDisclosedKeys,
  setKeyState,
  stepRotation,
} from './check-in-queries.ts'
import type { CheckInPlan, RotationStep } from './plan-check-in.ts'

interface Context {
  readonly device: DeviceActor
  readonly now: Date
  readonly requestId: string
}

interface Place {
  readonly volumeId: string
  readonly protectorId: string
}

export async function applyPlan(
  trx: Transaction<Database>,
  plan: CheckInPlan,
  context: Context,
): Promise<void> {
  const { now } = context
  const ids = (keys: CheckInPlan['supersede']): number[] => keys.map(({ id }) => id)
  await lockKeys(trx, [
    ...ids([...plan.supersede, ...plan.reactivate]),
    ...plan.proofs.map(({ keyId }) => keyId),
  ])
  await setKeyState(trx, ids(plan.supersede), { supersededAt: now })
  await setKeyState(trx, ids(plan.reactivate), { supersededAt: null })
  // Keys before rotations, as a disclosure locks them.
  await queueProofs(trx, plan.proofs, now)
  for (const { exposure, successor } of plan.close) {
    await closeExposure(trx, exposure.id, successor.id, now)
  }
  for (const step of plan.rotationSteps) await stepRotation(trx, step, now)
  const delivered = plan.deliver.map(({ id }) => id)
  await markDelivered(trx, delivered, now)
  await appendAudit(trx, auditEntries(plan, context))
  await exposeAgain(trx, plan.reactivate, context)
  const failed = plan.rotationSteps.filter((step) => step.state === 'failed')
  await requestRotations(
    trx,
    failed.map((step) => retryOf(step, context)),
  )
}

/**
 * A password that somebody has seen works again: its exposure is open, as before its replacement,
 * and it is to be replaced now. The answer to this very check-in tells the device.
 */
async function exposeAgain(
  trx: Transaction<Database>,
  reactivated: CheckInPlan['reactivate'],
  { device, now, requestId }: Context,
): Promise<void> {
  if (reactivated.length === 0) return
  // After the keys are locked: a disclosure is either seen here, or sees the key active.
  const ids = reactivated.map(({ id }) => id)
  const disclosed = await selectDisclosedKeys(trx, ids)
  const reopened = await reopenExposures(trx, ids)
  for (const key of reactivated.filter(({ id }) => disclosed.has(id))) {
    const about = {
      deviceId: device.id,
      volumeId: key.volumeId,
      recoveryKeyId: key.protectorId,
      requestId,
    }
    await appendAudit(
      trx,
      reopened
        .filter(({ keyId }) => keyId === key.id)
        .map(({ id }) => ({
          ...about,
          occurredAt: now,
          action: 'exposure.reopen',
          outcome: 'success',
          actor: { type: 'device', id: device.id, name: device.name },
          detail: { exposureId: id },
        })),
    )
    const rotationIds = await requestRotations(trx, [
      {
        ...about,
        keyId: key.id,
        trigger: 'disclosure',
        notBefore: now,
        now,
        actor: { type: 'system' },
      },
    ])
    await markDelivered(trx, [...rotationIds.values()], now)
  }
}

/** What failed is still needed: the password was seen, or does not unlock, or somebody asked. */
function retryOf({ rotation }: RotationStep, { device, now, requestId }: Context): RotationRequest {
  return {
    keyId: rotation.keyId,
    deviceId: device.id,
    volumeId: rotation.volumeId,
    recoveryKeyId: rotation.protectorId,
    trigger: 'retry',
    attempt: rotation.attempt + 1,
    notBefore: new Date(now.getTime() + retryDelaySeconds(rotation.attempt) * 1000),
    now,
    actor: { type: 'system' },
    requestId,
  }
}

function auditEntries(plan: CheckInPlan, { device, now, requestId }: Context): NewAuditEntry[] {
  const entry = (
    action: NewAuditEntry['action'],
    place: Place,
    rest: Pick<NewAuditEntry, 'detail'> & { outcome?: NewAuditEntry['outcome'] } = {},
  ): NewAuditEntry => ({
    occurredAt: now,
    action,
    outcome: 'success',
    actor: { type: 'device', id: device.id, name: device.name },
    deviceId: device.id,
    volumeId: place.volumeId,
    recoveryKeyId: place.protectorId,
    requestId,
    ...rest,
  })
  return [
    ...plan.supersede.map((key) => entry('key.supersede', key)),
    ...plan.reactivate.map((key) => entry('key.reactivate', key)),
    ...plan.close.map(({ exposure, successor }) =>
      entry('exposure.close', exposure, {
        detail: { exposureId: exposure.id, successorRecoveryKeyId: successor.protectorId },
      }),
    ),
    ...plan.rotationSteps
      .filter(({ state }) => state !== 'inProgress')
      .map(({ rotation, state, detailCode }) =>
        entry('rotation.finish', rotation, {
          outcome: state === 'done' ? 'success' : 'failed',
          detail: {
            rotationId: rotation.id,
            state,
            attempt: rotation.attempt,
            ...(detailCode === null ? {} : { detailCode }),
          },
        }),
      ),
  ]
}
