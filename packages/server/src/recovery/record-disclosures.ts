/**
 * Puts disclosures on record before anything is shown, and their outcomes before anything leaves
 * (promise P3). Those that come together share a transaction: one commit, and one connection, for a
 * helpdesk on its worst day.
 */

import { randomUUID } from 'node:crypto'
import type { Transaction } from 'kysely'
import { auditActor } from '../access/actor.ts'
import { insertApproval, useApprovals } from '../approvals/approval-queries.ts'
import { appendAudit, type NewAuditEntry } from '../audit/append-audit.ts'
import { Coalescer } from '../db/coalescer.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { requestRotations } from '../rotation/request-rotations.ts'
import { admitDisclosures } from './admit-disclosures.ts'
import type { AlertKey } from './disclosure-rule-queries.ts'
import {
  finishDisclosures,
  insertDisclosures,
  lockActiveKeys,
  lockHoldersOfKeys,
  type HolderOfKey,
} from './disclosure-queries.ts'
import type { Admission, WantedDisclosure } from './wanted-disclosure.ts'

/** What is committed before the key is opened. */
export interface RecordedDisclosure {
  readonly disclosureId: string
  readonly exposureId: string
  readonly rotationId: string | undefined
  /** The approval that it used up, or that is to come. */
  readonly approvalId: string | undefined
  /** When it was put on record. */
  readonly keyState: string
  /** Stored keys of other devices, active, for a protector with the same ID of the same volume. */
  readonly otherKeyIds: readonly number[]
  readonly auditEntryId: number
}

export interface DisclosureOutcome {
  readonly wanted: WantedDisclosure
  readonly disclosureId: string
  /** The code of what went wrong; undefined: the key was opened and is about to be shown. */
  readonly failure: string | undefined
  /** Of `otherKeyIds` those that are the same key, so that it is known there too. */
  readonly sameKeyIds: readonly number[]
}

export interface DisclosureRecord {
  /** Resolves to a refusal where a rule forbids it; rejects where the record cannot be kept. */
  request(wanted: WantedDisclosure): Promise<RecordedDisclosure | AppError>
  finish(outcome: DisclosureOutcome): Promise<void>
}

const BATCH_SIZE_MAX = 64
/**
 * While one commits, the next one gathers: one administrator's have to wait for each other anyway.
 */
const BATCHES_MAX = 2

export function createDisclosureRecord(
  deps: Pick<Deps, 'db' | 'clock' | 'config' | 'log' | 'metrics'>,
) {
  const limits = { batchSizeMax: BATCH_SIZE_MAX, batchesMax: BATCHES_MAX, retriesAlone: true }
  const requests = new Coalescer<WantedDisclosure, RecordedDisclosure | AppError>({
    ...limits,
    run: async (batch) => {
      const recorded = await deps.db
        .transaction()
        .execute((trx) => recordRequests(deps, trx, batch))
      // What was rolled back is nothing to tell.
      tell(deps, recorded)
      return recorded.answers
    },
  })
  const outcomes = new Coalescer<DisclosureOutcome, void>({
    ...limits,
    run: (batch) => deps.db.transaction().execute((trx) => recordOutcomes(deps, trx, batch)),
  })
  return {
    request: (wanted) => requests.submit(wanted),
    finish: (outcome) => outcomes.submit(outcome),
  } satisfies DisclosureRecord
}

interface RecordedRequests {
  readonly answers: readonly (RecordedDisclosure | AppError)[]
  readonly emergencies: readonly Allowed[]
  readonly alerts: readonly AlertKey[]
}

async function recordRequests(
  deps: Pick<Deps, 'clock' | 'config'>,
  trx: Transaction<Database>,
  batch: readonly WantedDisclosure[],
): Promise<RecordedRequests> {
  const now = deps.clock.now()
  const { answers, alerts } = await admitDisclosures(deps, trx, batch, now)
  const allowed = batch.flatMap((wanted, index) => {
    const answer = answers[index]
    return answer === undefined || answer instanceof AppError ? [] : [allow(wanted, answer)]
  })
  const recorded = allowed.length === 0 ? [] : await record(deps, trx, allowed, now)
  const inOrder = recorded.values()
  return {
    alerts,
    emergencies: allowed.filter(({ isEmergency }) => isEmergency),
    answers: answers.map((answer) => {
      const final = answer instanceof AppError ? answer : inOrder.next().value
      if (final === undefined) throw new Error('a disclosure was not recorded')
      return final
    }),
  }
}

function allow(wanted: WantedDisclosure, { approvalId, isEmergency }: Admission): Allowed {
  return {
    wanted,
    disclosureId: randomUUID(),
    exposureId: randomUUID(),
    isEmergency,
    // That of an emergency is the one which waits for its review.
    approvalId: isEmergency ? randomUUID() : approvalId,
  }
}

/** The audit log has it already; this is for whoever watches the server. */
function tell(
  deps: Pick<Deps, 'log' | 'metrics'>,
  { alerts, emergencies }: RecordedRequests,
): void {
  for (const alert of alerts) {
    deps.metrics.disclosureAlerts.inc({ kind: 'budget' })
    deps.log.warn(alert, 'a disclosure budget is used up')
  }
  for (const { wanted, approvalId } of emergencies) {
    deps.metrics.disclosureAlerts.inc({ kind: 'emergency' })
    deps.log.warn(
      { principalId: wanted.principal.id, deviceId: wanted.key.device_id, approvalId },
      'a recovery password is shown in an emergency, without approval',
    )
  }
}

async function record(
  deps: Pick<Deps, 'config'>,
  trx: Transaction<Database>,
  allowed: readonly Allowed[],
  now: Date,
): Promise<RecordedDisclosure[]> {
  const holders = await lockHoldersOfKeys(
    trx,
    allowed.map(({ wanted }) => wanted.key),
  )
  const states = new Map(holders.map(({ id, state }) => [id, state]))
  await recordApprovals(trx, allowed, now)
  await insertDisclosures(
    trx,
    allowed.map((one) => disclosureRow(one, now)),
  )
  const auditEntryIds = await appendAudit(
    trx,
    allowed.map((one) => requestEntry(one, now)),
  )
  await appendAudit(
    trx,
    allowed.filter(({ isEmergency }) => isEmergency).map((one) => emergencyEntry(one, now)),
  )
  const rotationIds = await requestRotations(trx, rotationRequests(deps, allowed, holders, now))
  return allowed.map(({ wanted, disclosureId, exposureId, approvalId }, index) => {
    const auditEntryId = auditEntryIds[index]
    const keyState = states.get(wanted.key.id)
    if (auditEntryId === undefined) throw new Error('an audit entry was not written')
    if (keyState === undefined) throw new Error('a stored key is gone')
    const rotationId = keyState === 'active' ? rotationIds.get(wanted.key.id) : undefined
    const otherKeyIds = holders.filter((holder) => isOther(holder, wanted)).map(({ id }) => id)
    return { disclosureId, exposureId, rotationId, approvalId, keyState, otherKeyIds, auditEntryId }
  })
}

interface Allowed {
  readonly wanted: WantedDisclosure
  readonly disclosureId: string
  readonly exposureId: string
  readonly isEmergency: boolean
  readonly approvalId: string | undefined
}

/** Before the disclosures, which refer to them. */
async function recordApprovals(
  trx: Transaction<Database>,
  allowed: readonly Allowed[],
  now: Date,
): Promise<void> {
  await useApprovals(
    trx,
    allowed.flatMap(({ isEmergency, approvalId }) => (isEmergency ? [] : (approvalId ?? []))),
    now,
  )
  for (const { isEmergency, approvalId, wanted } of allowed) {
    if (!isEmergency || approvalId === undefined) continue
    await insertApproval(trx, {
      id: approvalId,
      keyId: wanted.key.id,
      deviceId: wanted.key.device_id,
      requesterId: wanted.principal.id,
      kind: wanted.kind,
      reasonCode: wanted.reason.code,
      reasonText: wanted.reason.text,
      ticket: wanted.reason.ticket,
      requestedAt: now,
      expiresAt: undefined,
    })
  }
}

function disclosureRow(allowed: Allowed, requestedAt: Date) {
  const { wanted, disclosureId, exposureId, approvalId, isEmergency } = allowed
  return {
    id: disclosureId,
    exposureId,
    keyId: wanted.key.id,
    deviceId: wanted.key.device_id,
    principalId: wanted.principal.id,
    kind: wanted.kind,
    approvalId,
    isEmergency,
    reasonCode: wanted.reason.code,
    reasonText: wanted.reason.text,
    ticket: wanted.reason.ticket,
    requestedAt,
  }
}

function requestEntry(allowed: Allowed, now: Date): NewAuditEntry {
  const { wanted, disclosureId, exposureId, approvalId, isEmergency } = allowed
  const { code, text, ticket } = wanted.reason
  return {
    ...entryAbout(wanted),
    occurredAt: now,
    action: 'disclosure.request',
    outcome: 'success',
    detail: {
      disclosureId,
      exposureId,
      kind: wanted.kind,
      ...(approvalId === undefined ? {} : { approvalId, isEmergency }),
      reasonCode: code,
      ...(text === undefined ? {} : { reasonText: text }),
      ...(ticket === undefined ? {} : { ticket }),
    },
  }
}

function emergencyEntry({ wanted, disclosureId, approvalId }: Allowed, now: Date): NewAuditEntry {
  return {
    ...entryAbout(wanted),
    occurredAt: now,
    action: 'disclosure.emergency',
    outcome: 'success',
    detail: { disclosureId, ...(approvalId === undefined ? {} : { approvalId }) },
  }
}

function isOther(holder: HolderOfKey, { key }: WantedDisclosure): boolean {
  return (
    holder.id !== key.id &&
    holder.state === 'active' &&
    holder.protector_id === key.protector_id &&
    holder.volume_id === key.volume_id
  )
}

/**
 * Of the keys that were asked for. A superseded key is on no disk any more: there is nothing to
 * replace, until it comes back (`apply-plan.ts`).
 */
function rotationRequests(
  deps: Pick<Deps, 'config'>,
  allowed: readonly Allowed[],
  holders: readonly HolderOfKey[],
  now: Date,
): Parameters<typeof requestRotations>[1] {
  const active = new Set(holders.filter(({ state }) => state === 'active').map(({ id }) => id))
  return allowed
    .filter(({ wanted }) => active.has(wanted.key.id))
    .map(({ wanted }) => rotationOf(deps, wanted, wanted.key, now))
}

function rotationOf(
  deps: Pick<Deps, 'config'>,
  wanted: WantedDisclosure,
  { id, device_id: deviceId }: Pick<HolderOfKey, 'id' | 'device_id'>,
  now: Date,
): Parameters<typeof requestRotations>[1][number] {
  const notBefore = new Date(now.getTime() + deps.config.rotationDelaySeconds * 1000)
  return { ...entryAbout(wanted), keyId: id, deviceId, trigger: 'disclosure', notBefore, now }
}

/**
 * For every other device that has the key on its disk by its last word: the one that it was asked
 * of may have lost the disk to another one. What is the same key is known only now that they were
 * opened; still the password has not left, so no rotation is too late.
 */
async function rotateElsewhere(
  deps: Pick<Deps, 'config'>,
  trx: Transaction<Database>,
  batch: readonly DisclosureOutcome[],
  now: Date,
): Promise<void> {
  const ids = batch.flatMap(({ sameKeyIds }) => sameKeyIds)
  if (ids.length === 0) return
  const active = await lockActiveKeys(trx, ids)
  await requestRotations(
    trx,
    batch.flatMap(({ wanted, sameKeyIds }) =>
      active
        .filter(({ id }) => sameKeyIds.includes(id))
        .map((holder) => rotationOf(deps, wanted, holder, now)),
    ),
  )
}

async function recordOutcomes(
  deps: Pick<Deps, 'clock' | 'config'>,
  trx: Transaction<Database>,
  batch: readonly DisclosureOutcome[],
): Promise<void[]> {
  const now = deps.clock.now()
  await rotateElsewhere(deps, trx, batch, now)
  await finishDisclosures(
    trx,
    batch.map(({ disclosureId, failure }) => ({
      id: disclosureId,
      state: failure === undefined ? 'shown' : 'failed',
    })),
    now,
  )
  await appendAudit(
    trx,
    batch.map(({ wanted, disclosureId, failure }) => ({
      ...entryAbout(wanted),
      occurredAt: now,
      action: 'disclosure.show',
      outcome: failure === undefined ? 'success' : 'failed',
      detail: { disclosureId, ...(failure === undefined ? {} : { code: failure }) },
    })),
  )
  return batch.map(() => undefined)
}

function entryAbout({ principal, key, requestId }: WantedDisclosure) {
  return {
    actor: auditActor(principal),
    deviceId: key.device_id,
    volumeId: key.volume_id,
    recoveryKeyId: key.protector_id,
    requestId,
  }
}
