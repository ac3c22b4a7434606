/**
 * Shows a recovery password to whoever may be shown it, by whatever right.
 *
 * The order is the promise (P3, P4): one transaction {the checks that must hold now, disclosure,
 * audit entry, exposure, rotation request}; only then the key is opened; then the outcome is
 * committed, with the rotations of other devices that hold the same key; only then the answer
 * leaves. Whatever fails on the way, nothing is shown, and what was
 * asked for stays on record.
 */

import { timingSafeEqual } from 'node:crypto'
import { formatRecoveryPassword } from '@keydesk/bitlocker'
import type { Disclosure } from '@keydesk/contract'
import { auditActor, type PrincipalActor } from '../access/actor.ts'
import type { RecordDenial } from '../access/record-denial.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { Secret } from '../http/secret.ts'
import { openStoredKey, type StoredKeyRow } from '../vault/open-stored-key.ts'
import { selectSealedKeys, type KeyToDisclose } from './disclosure-queries.ts'
import type { DisclosureRecord, RecordedDisclosure } from './record-disclosures.ts'
import type { WantedDisclosure } from './wanted-disclosure.ts'

export interface DisclosureContext {
  readonly principal: PrincipalActor
  readonly requestId: string
  readonly recordDenial: RecordDenial
  readonly record: DisclosureRecord
}

/** Throws AppError KEY_UNREADABLE, AUDIT_UNAVAILABLE, or the refusal of `admitDisclosures`. */
export async function showKey(
  deps: Deps,
  record: DisclosureRecord,
  wanted: WantedDisclosure,
): Promise<Disclosure> {
  const { key } = wanted
  const recorded = await orNothingIsShown(() => record.request(wanted))
  if (recorded instanceof AppError) throw recorded
  const { disclosureId } = recorded
  const finish = (failure: string | undefined, sameKeyIds: readonly number[]): Promise<void> =>
    orNothingIsShown(() => record.finish({ wanted, disclosureId, failure, sameKeyIds }))
  let opened: OpenedKey
  try {
    opened = await openKey(deps, key, recorded.otherKeyIds)
  } catch (error) {
    await finish(error instanceof AppError ? error.code : 'INTERNAL_ERROR', [])
    throw error
  }
  await finish(undefined, opened.sameKeyIds)
  return toDisclosure(deps, key, recorded, opened.recoveryPassword)
}

export interface Attempt {
  readonly route: string
  readonly deviceId: string | undefined
  readonly recoveryKeyId: string | undefined
}

/** Counts how it ends, and puts a refusal on record. */
export async function countAndRecord(
  deps: Pick<Deps, 'metrics'>,
  context: DisclosureContext,
  { route, deviceId, recoveryKeyId }: Attempt,
  disclose: () => Promise<Disclosure>,
): Promise<Disclosure> {
  try {
    const disclosure = await disclose()
    deps.metrics.disclosures.inc({ outcome: 'shown' })
    return disclosure
  } catch (error) {
    const isRefusal = error instanceof AppError && error.status < 500
    deps.metrics.disclosures.inc({ outcome: isRefusal ? 'refused' : 'failed' })
    if (isRefusal) {
      const { code, condition } = error
      await context.recordDenial({
        actor: auditActor(context.principal),
        deviceId,
        recoveryKeyId,
        requestId: context.requestId,
        detail: { code, route, ...(condition === undefined ? {} : { condition }) },
      })
    }
    throw error
  }
}

interface OpenedKey {
  readonly recoveryPassword: Secret<string>
  readonly sameKeyIds: readonly number[]
}

async function openKey(
  deps: Deps,
  key: KeyToDisclose,
  otherKeyIds: readonly number[],
): Promise<OpenedKey> {
  const recoveryKey = await openStoredKey(deps.keyring, storedKey(key))
  try {
    const others = await orNothingIsShown(() => selectSealedKeys(deps.db, otherKeyIds))
    const sameKeyIds: number[] = []
    for (const other of others) {
      if (await isSameKey(deps, other, recoveryKey)) sameKeyIds.push(other.id)
    }
    return { recoveryPassword: new Secret(formatRecoveryPassword(recoveryKey)), sameKeyIds }
  } finally {
    recoveryKey.fill(0)
  }
}

/**
 * A device may claim the protector of another one and store any key for it, and the key checks of
 * two devices differ even for one key. So only the keys themselves tell whether a disk moved. One
 * that cannot be opened may be the same.
 */
async function isSameKey(
  deps: Deps,
  other: KeyToDisclose,
  recoveryKey: Uint8Array,
): Promise<boolean> {
  let otherKey: Uint8Array
  try {
    otherKey = await openStoredKey(deps.keyring, storedKey(other))
  } catch (error) {
    if (error instanceof AppError && error.code === 'KEY_UNREADABLE') return true
    throw error
  }
  try {
    return timingSafeEqual(otherKey, recoveryKey)
  } finally {
    otherKey.fill(0)
  }
}

function storedKey(key: KeyToDisclose): StoredKeyRow {
  return {
    deviceId: key.device_id,
    volumeId: key.volume_id,
    protectorId: key.protector_id,
    sealedKey: key.sealed_key,
    keyCheck: key.key_check,
    receipt: key.receipt,
  }
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
  recorded: RecordedDisclosure,
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
    ...(recorded.approvalId === undefined ? {} : { approvalId: recorded.approvalId }),
    ...(recorded.rotationId === undefined ? {} : { rotationId: recorded.rotationId }),
    auditEntryId: String(recorded.auditEntryId),
  }
}
