/**
 * Shows one recovery password to one administrator, for a reason.
 *
 * The order is the promise (P3, P4): budget; then one transaction {disclosure, audit entry,
 * exposure, rotation request}; only then the key is opened; then the outcome is committed; only
 * then the answer leaves. Whatever fails on the way, nothing is shown, and what was asked for stays
 * on record.
 */

import { randomUUID } from 'node:crypto'
import { formatRecoveryPassword } from '@keydesk/bitlocker'
import type { CreateDisclosure, Disclosure } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { auditActor, type AdministratorActor } from '../access/actor.ts'
import type { RecordDenial } from '../access/record-denial.ts'
import { appendAudit, type NewAuditEntry } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import { Coalescer } from '../db/coalescer.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { Secret } from '../http/secret.ts'
import { requestRotation } from '../rotation/request-rotation.ts'
import { openStoredKey } from '../vault/open-stored-key.ts'
import { checkReason } from './check-reason.ts'
import {
  finishDisclosure,
  insertDisclosure,
  lockHoldersOfKey,
  selectKeysToDisclose,
  type HolderOfKey,
  type KeyToDisclose,
} from './disclosure-queries.ts'
import { takeBudget } from './take-budget.ts'

export interface DisclosureContext {
  readonly administrator: AdministratorActor
  readonly requestId: string
  readonly recordDenial: RecordDenial
}

/** Disclosures on their way into the database. */
export type DisclosureQueue = Coalescer<() => Promise<Recorded>, Recorded>

/**
 * Disclosures of one administrator wait for each other because of the budget, each with a
 * connection. A program that asks for many at once must not take all connections from the devices.
 */
const RECORDED_AT_ONCE_MAX = 4

export function createDisclosureQueue(): DisclosureQueue {
  return new Coalescer({
    run: async (tasks) => await Promise.all(tasks.map((task) => task())),
    batchSizeMax: 1,
    batchesMax: RECORDED_AT_ONCE_MAX,
    retriesAlone: false,
  })
}

/** What is committed before the key is opened. */
interface Recorded {
  readonly disclosureId: string
  readonly exposureId: string
  readonly rotationId: string | undefined
  readonly keyState: string
  readonly auditEntryId: number
  readonly requestedAt: Date
}

/**
 * Throws AppError INVALID_REQUEST, NOT_FOUND, KEY_ID_AMBIGUOUS, DISCLOSURE_BUDGET_EXCEEDED,
 * KEY_UNREADABLE or AUDIT_UNAVAILABLE.
 */
export async function discloseKey(
  deps: Deps,
  context: DisclosureContext,
  wanted: CreateDisclosure,
): Promise<Disclosure> {
  try {
    const disclosure = await disclose(deps, context, wanted)
    deps.metrics.disclosures.inc({ outcome: 'shown' })
    return disclosure
  } catch (error) {
    const isRefusal = error instanceof AppError && error.status < 500
    deps.metrics.disclosures.inc({ outcome: isRefusal ? 'refused' : 'failed' })
    if (isRefusal) {
      await context.recordDenial({
        actor: auditActor(context.administrator),
        deviceId: wanted.deviceId,
        recoveryKeyId: wanted.recoveryKeyId,
        requestId: context.requestId,
        detail: { code: error.code, route: 'POST /api/v1/disclosures' },
      })
    }
    throw error
  }
}

async function disclose(
  deps: Deps,
  context: DisclosureContext,
  wanted: CreateDisclosure,
): Promise<Disclosure> {
  checkReason(wanted.reason)
  const key = await findKey(deps, wanted)
  const recorded = await orNothingIsShown(() => record(deps, context, wanted, key))
  let recoveryPassword: Secret<string>
  try {
    recoveryPassword = await openPassword(deps, key)
  } catch (error) {
    await orNothingIsShown(() => finish(deps, context, key, recorded, error))
    throw error
  }
  await orNothingIsShown(() => finish(deps, context, key, recorded))
  return toDisclosure(deps, key, recorded, recoveryPassword)
}

async function findKey(deps: Deps, wanted: CreateDisclosure): Promise<KeyToDisclose> {
  const [key, another] = await selectKeysToDisclose(deps.db, wanted)
  if (key === undefined) {
    throw new AppError('NOT_FOUND', 'No key with this ID is stored here.')
  }
  if (another !== undefined) {
    throw new AppError('KEY_ID_AMBIGUOUS', 'Say by deviceId which device the key is of.')
  }
  return key
}

async function record(
  deps: Deps,
  context: DisclosureContext,
  wanted: CreateDisclosure,
  key: KeyToDisclose,
): Promise<Recorded> {
  const now = deps.clock.now()
  const { administrator } = context
  const { code, text, ticket } = wanted.reason
  const disclosureId = randomUUID()
  const exposureId = randomUUID()
  return await deps.db.transaction().execute(async (trx) => {
    await takeBudget(trx, deps.config.disclosureBudget, administrator.id, now)
    const holders = await lockHoldersOfKey(trx, {
      volumeId: key.volume_id,
      protectorId: key.protector_id,
    })
    const keyState = holders.find(({ id }) => id === key.id)?.state
    if (keyState === undefined) throw new Error('a stored key is gone')
    await insertDisclosure(
      trx,
      {
        id: disclosureId,
        recovery_key_id: key.id,
        administrator_id: administrator.id,
        reason_code: code,
        reason_text: text ?? null,
        ticket: ticket ?? null,
        requested_at: now,
      },
      { id: exposureId, deviceId: key.device_id },
    )
    const [auditEntryId] = await appendAudit(trx, [
      {
        ...entryAbout(context, key),
        occurredAt: now,
        action: 'disclosure.request',
        outcome: 'success',
        detail: {
          disclosureId,
          exposureId,
          reasonCode: code,
          ...(text === undefined ? {} : { reasonText: text }),
          ...(ticket === undefined ? {} : { ticket }),
        },
      },
    ])
    if (auditEntryId === undefined) throw new Error('an audit entry was not written')
    const rotationId = await requestRotations(trx, deps, context, { key, holders, now })
    return { disclosureId, exposureId, rotationId, keyState, auditEntryId, requestedAt: now }
  })
}

/**
 * For every device that has the protector on its disk by its last word: the one that the key was
 * asked of may have lost the disk to another one. Returns the ID of the rotation of the former.
 *
 * A superseded key is on no disk any more: there is nothing to replace, until it comes back
 * (`apply-plan.ts`).
 */
async function requestRotations(
  trx: Transaction<Database>,
  deps: Deps,
  { administrator, requestId }: DisclosureContext,
  disclosed: {
    readonly key: KeyToDisclose
    readonly holders: readonly HolderOfKey[]
    readonly now: Date
  },
): Promise<string | undefined> {
  const { key, holders, now } = disclosed
  let ofThisKey: string | undefined
  for (const holder of holders.filter(({ state }) => state === 'active')) {
    const rotationId = await requestRotation(trx, {
      keyId: holder.id,
      deviceId: holder.device_id,
      volumeId: key.volume_id,
      recoveryKeyId: key.protector_id,
      trigger: 'disclosure',
      notBefore: new Date(now.getTime() + deps.config.rotationDelaySeconds * 1000),
      now,
      actor: auditActor(administrator),
      requestId,
    })
    if (holder.id === key.id) ofThisKey = rotationId
  }
  return ofThisKey
}

async function openPassword(deps: Deps, key: KeyToDisclose): Promise<Secret<string>> {
  const recoveryKey = await openStoredKey(deps.keyring, {
    deviceId: key.device_id,
    volumeId: key.volume_id,
    protectorId: key.protector_id,
    sealedKey: key.sealed_key,
    keyCheck: key.key_check,
    receipt: key.receipt,
  })
  try {
    return new Secret(formatRecoveryPassword(recoveryKey))
  } finally {
    recoveryKey.fill(0)
  }
}

async function finish(
  deps: Deps,
  context: DisclosureContext,
  key: KeyToDisclose,
  { disclosureId }: Recorded,
  error?: unknown,
): Promise<void> {
  const now = deps.clock.now()
  const isShown = error === undefined
  const code = error instanceof AppError ? error.code : 'INTERNAL_ERROR'
  await deps.db.transaction().execute(async (trx) => {
    await finishDisclosure(trx, disclosureId, { state: isShown ? 'shown' : 'failed', now })
    await appendAudit(trx, [
      {
        ...entryAbout(context, key),
        occurredAt: now,
        action: 'disclosure.show',
        outcome: isShown ? 'success' : 'failed',
        detail: { disclosureId, ...(isShown ? {} : { code }) },
      },
    ])
  })
}

function entryAbout(context: DisclosureContext, key: KeyToDisclose) {
  return {
    actor: auditActor(context.administrator),
    deviceId: key.device_id,
    volumeId: key.volume_id,
    recoveryKeyId: key.protector_id,
    requestId: context.requestId,
  } satisfies Partial<NewAuditEntry>
}

/** Promise P3: where the log cannot be written, the answer is an error and holds no password. */
async function orNothingIsShown<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError(
      'AUDIT_UNAVAILABLE',
      'What is to be shown must be on record first. Nothing was shown; try again in a few seconds.',
      { cause: error, retryAfterSeconds: 5 },
    )
  }
}

function toDisclosure(
  deps: Deps,
  key: KeyToDisclose,
  recorded: Recorded,
  recoveryPassword: Secret<string>,
): Disclosure {
  const shownForSeconds = deps.config.disclosureSeconds
  return {
    disclosureId: recorded.disclosureId,
    recoveryKeyId: key.protector_id,
    device: { id: key.device_id, name: key.device_name },
    volume: {
      id: key.volume_id,
      // The CHECKs of the table let in only what the contract names.
      type: key.volume_type as Disclosure['volume']['type'],
      ...(key.mount_point === null ? {} : { mountPoint: key.mount_point }),
    },
    keyState: recorded.keyState as Disclosure['keyState'],
    recoveryPassword: recoveryPassword.reveal(),
    shownForSeconds,
    expiresAt: new Date(deps.clock.now().getTime() + shownForSeconds * 1000).toISOString(),
    exposureId: recorded.exposureId,
    ...(recorded.rotationId === undefined ? {} : { rotationId: recorded.rotationId }),
    auditEntryId: String(recorded.auditEntryId),
  }
}
