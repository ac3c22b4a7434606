/**
 * Takes in one recovery key from a device.
 *
 * The device encrypts, or removes an older protector, as soon as it has the receipt. So a receipt
 * is given only for a key that was opened and is committed (promise P5). The same key again gets
 * the same receipt, byte for byte; another key for the same protector is a conflict and overwrites
 * nothing (promise P7). Keys that arrive together share one commit.
 */

import { LIMITS, type EscrowRequest } from '@keydesk/contract'
import { decodeBase64Url } from '@keydesk/contract/base64url'
import { isSameKeyCheck, keyCheck, signReceipt } from '@keydesk/contract/receipt'
import type { DeviceActor } from '../access/actor.ts'
import type { RecordDenial } from '../access/record-denial.ts'
import { Coalescer } from '../db/coalescer.ts'
import type { Deps } from '../deps.ts'
import { requestReplayed } from '../devices/remember-request.ts'
import { AppError } from '../errors.ts'
import { openEscrowedKey } from '../vault/open-escrowed-key.ts'
import { openStoredKey } from '../vault/open-stored-key.ts'
import { insertKeys, selectKey, type InsertOutcome, type NewKey } from './queries.ts'

const BATCH_SIZE_MAX = 64
/** One batch commits while the next one is gathered and sent. */
const BATCHES_MAX = 2

interface EscrowResult {
  readonly isNew: boolean
  readonly receipt: string
}

export type EscrowKey = (
  device: DeviceActor,
  request: EscrowRequest,
  requestId: string,
) => Promise<EscrowResult>

/**
 * The returned function throws AppError SEALED_KEY_INVALID, VAULT_KEY_UNKNOWN, REQUEST_REPLAYED,
 * PROTECTOR_CONFLICT, DEVICE_KEY_LIMIT or KEY_UNREADABLE.
 */
export function createEscrow(deps: Deps, recordDenial: RecordDenial): EscrowKey {
  const insert = new Coalescer<NewKey, InsertOutcome>({
    run: async (keys) => await insertInRounds(deps, keys),
    batchSizeMax: BATCH_SIZE_MAX,
    batchesMax: BATCHES_MAX,
    retriesAlone: true,
  })

  return async (device, request, requestId) => {
    try {
      const key = await openAndSign(deps, device, request, requestId)
      const result = await settle(deps, key, await insert.submit(key))
      deps.metrics.escrows.inc({ outcome: result.isNew ? 'created' : 'repeated' })
      return result
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      const isConflict = error.code === 'PROTECTOR_CONFLICT'
      deps.metrics.escrows.inc({ outcome: isConflict ? 'conflict' : 'refused' })
      await recordDenial({
        actor: { type: 'device', id: device.id, name: device.name },
        deviceId: device.id,
        volumeId: request.volumeId,
        recoveryKeyId: request.protectorId,
        requestId,
        detail: { code: error.code, route: 'POST /device/v1/escrow' },
      })
      throw error
    }
  }
}

async function openAndSign(
  deps: Deps,
  device: DeviceActor,
  request: EscrowRequest,
  requestId: string,
): Promise<NewKey> {
  const { volumeId, protectorId } = request
  const binding = { deviceId: device.id, volumeId, protectorId }
  const { sealedKey, recoveryKey } = openEscrowedKey(deps.keyring, request.sealedKey, binding)
  const check = keyCheck(recoveryKey, binding)
  recoveryKey.fill(0)
  const escrowedAt = deps.clock.now()
  const { vaultKey, receiptKey } = deps.keyring
  // Signed before the commit so that it is stored with the key; given away only after it.
  const receipt = await signReceipt({
    privateKey: receiptKey.privateKey,
    keyId: receiptKey.id,
    origin: deps.config.origin,
    binding,
    keyCheck: check,
    escrowedAt,
  })
  return {
    ...binding,
    deviceName: device.name,
    volumeType: request.volumeType,
    mountPoint: request.mountPoint,
    sealedKey,
    vaultKeyId: vaultKey.id,
    keyCheck: check,
    receipt,
    escrowedAt,
    entry: decodeEntry(request.protectorEntry),
    signedRequest: device.request,
    requestId,
  }
}

/** What the entry is worth is judged later, by a worker; here it only has to be bytes. */
function decodeEntry(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined
  const entry = decodeBase64Url(text)
  if (entry === undefined) {
    throw new AppError('INVALID_REQUEST', 'protectorEntry is not canonical base64url.')
  }
  return entry
}

async function settle(deps: Deps, key: NewKey, outcome: InsertOutcome): Promise<EscrowResult> {
  if (outcome === 'replayed') throw requestReplayed()
  if (outcome === 'inserted') return { isNew: true, receipt: key.receipt }
  const existing = await selectKey(deps.db, key)
  if (existing === undefined) {
    throw new AppError(
      'DEVICE_KEY_LIMIT',
      `A device may have ${LIMITS.activeKeysPerDeviceMax} active keys stored. Check in, so that ` +
        'keys of protectors that are gone no longer count.',
    )
  }
  if (!isSameKeyCheck(existing.key_check, key.keyCheck)) {
    throw new AppError(
      'PROTECTOR_CONFLICT',
      'Another key is stored for this protector and stays. Add a new protector and escrow that one.',
    )
  }
  // A receipt says that the stored copy can be opened: not without having tried.
  const recoveryKey = await openStoredKey(deps.keyring, {
    deviceId: key.deviceId,
    volumeId: key.volumeId,
    protectorId: key.protectorId,
    sealedKey: existing.sealed_key,
    keyCheck: existing.key_check,
    receipt: existing.receipt,
  })
  recoveryKey.fill(0)
  return { isNew: false, receipt: existing.receipt }
}

/**
 * One statement for each round; in a round no two keys are for the same protector, because a
 * statement does not see what it inserts itself. Nearly always there is one round.
 */
async function insertInRounds(deps: Deps, keys: readonly NewKey[]): Promise<InsertOutcome[]> {
  const protectors = new Set<string>()
  const isFirst = keys.map((key) => {
    const name = `${key.deviceId} ${key.volumeId} ${key.protectorId}`
    const isNew = !protectors.has(name)
    protectors.add(name)
    return isNew
  })
  const first = await insertKeys(
    deps.db,
    keys.filter((_, index) => isFirst[index]),
  )
  if (first.length === keys.length) return first
  const later = await insertInRounds(
    deps,
    keys.filter((_, index) => !isFirst[index]),
  )
  const [ofFirst, ofLater] = [first.values(), later.values()]
  return isFirst.map((wasFirst) => {
    const { value } = (wasFirst ? ofFirst : ofLater).next()
    if (value === undefined) throw new Error('a batch of keys was answered with too few outcomes')
    return value
  })
}
