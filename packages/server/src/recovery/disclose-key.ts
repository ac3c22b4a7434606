/**
 * Shows one recovery password to one person or program, for a reason.
 *
 * The order is the promise (P3, P4): budget; then one transaction {disclosure, audit entry,
 * exposure, rotation request}; only then the key is opened; then the outcome is committed; only
 * then the answer leaves. Whatever fails on the way, nothing is shown, and what was asked for stays
 * on record.
 */

import { formatRecoveryPassword } from '@keydesk/bitlocker'
import type { CreateDisclosure, Disclosure } from '@keydesk/contract'
import { auditActor, type PrincipalActor } from '../access/actor.ts'
import type { RecordDenial } from '../access/record-denial.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { Secret } from '../http/secret.ts'
import { openStoredKey } from '../vault/open-stored-key.ts'
import { checkReason } from './check-reason.ts'
import { selectKeysToDisclose, type KeyToDisclose } from './disclosure-queries.ts'
import type { DisclosureRecord, RecordedDisclosure } from './record-disclosures.ts'

export interface DisclosureContext {
  readonly principal: PrincipalActor
  readonly requestId: string
  readonly recordDenial: RecordDenial
  readonly record: DisclosureRecord
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
        actor: auditActor(context.principal),
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
  const key = await findKey(deps, context.principal, wanted)
  const { principal, requestId, record } = context
  const disclosure = { principal, requestId, key, reason: wanted.reason }
  const recorded = await orNothingIsShown(() => record.request(disclosure))
  if (recorded instanceof AppError) throw recorded
  const { disclosureId } = recorded
  const finish = (failure?: string): Promise<void> =>
    orNothingIsShown(() => record.finish({ wanted: disclosure, disclosureId, failure }))
  let recoveryPassword: Secret<string>
  try {
    recoveryPassword = await openPassword(deps, key)
  } catch (error) {
    await finish(error instanceof AppError ? error.code : 'INTERNAL_ERROR')
    throw error
  }
  await finish()
  return toDisclosure(deps, key, recorded, recoveryPassword)
}

async function findKey(
  deps: Deps,
  principal: PrincipalActor,
  wanted: CreateDisclosure,
): Promise<KeyToDisclose> {
  const [key, another] = await selectKeysToDisclose(
    deps.db,
    wanted,
    principal.grants.reach('microsoft.directory/bitlockerKeys/key/read'),
  )
  if (key === undefined) {
    throw new AppError('NOT_FOUND', 'No key with this ID is stored here.')
  }
  if (another !== undefined) {
    throw new AppError('KEY_ID_AMBIGUOUS', 'Say by deviceId which device the key is of.')
  }
  return key
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
    ...(recorded.rotationId === undefined ? {} : { rotationId: recorded.rotationId }),
    auditEntryId: String(recorded.auditEntryId),
  }
}
