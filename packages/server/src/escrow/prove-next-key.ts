/**
 * Proves one stored key: does it really unwrap the volume master key of the entry that the device
 * read from its disk? (Architecture §4, "Proof".) The million hash steps run on a thread of their
 * own.
 *
 * A key that does not is a `mismatch`: it stays stored, nothing is lost, and a rotation is asked
 * for, since nobody could unlock with it. An entry that cannot be judged says nothing about the
 * key, which stays `attested`.
 */

import { VolumeError, protectorEntryId, verifyProtectorEntry } from '@keydesk/bitlocker/volume'
import type { Transaction } from 'kysely'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { requestRotations } from '../rotation/request-rotations.ts'
import { openStoredKey } from '../vault/open-stored-key.ts'
import { claimProof, finishProof, type ClaimedProof } from './proof-queries.ts'

/** A stretch takes one to three seconds; ten times that means that the worker is gone. */
const CLAIM_SECONDS = 60
/** A worker that dies over an entry again and again would never get to the others. */
const ATTEMPTS_MAX = 5

interface Verdict {
  readonly proof: 'verified' | 'mismatch' | 'attested'
  /** Why the entry could not be judged. */
  readonly code?: string
}

type ProofDeps = Pick<Deps, 'db' | 'clock' | 'keyring'>

/**
 * False: nothing waits. Throws when the database fails or `signal` aborts; the proof stays queued.
 */
export async function proveNextKey(deps: ProofDeps, signal?: AbortSignal): Promise<boolean> {
  const now = deps.clock.now()
  const claimedUntil = new Date(now.getTime() + CLAIM_SECONDS * 1000)
  const claimed = await claimProof(deps.db, { now, claimedUntil })
  if (claimed === undefined) return false
  const verdict =
    claimed.attempts > ATTEMPTS_MAX
      ? ({ proof: 'attested', code: 'TOO_MANY_ATTEMPTS' } as const)
      : await judge(deps, claimed, signal)
  await deps.db.transaction().execute((trx) => record(deps, trx, claimed, verdict))
  return true
}

async function judge(
  deps: ProofDeps,
  claimed: ClaimedProof,
  signal: AbortSignal | undefined,
): Promise<Verdict> {
  let recoveryKey: Uint8Array | undefined
  try {
    if (protectorEntryId(claimed.entry) !== claimed.protector_id) {
      return { proof: 'attested', code: 'ENTRY_OF_ANOTHER_PROTECTOR' }
    }
    recoveryKey = await openStoredKey(deps.keyring, {
      deviceId: claimed.device_id,
      volumeId: claimed.volume_id,
      protectorId: claimed.protector_id,
      sealedKey: claimed.sealed_key,
      keyCheck: claimed.key_check,
      receipt: claimed.receipt,
    })
    const options = signal === undefined ? {} : { signal }
    const unlocks = await verifyProtectorEntry(claimed.entry, recoveryKey, options)
    return { proof: unlocks ? 'verified' : 'mismatch' }
  } catch (error) {
    const isAboutThisKey = error instanceof VolumeError || error instanceof AppError
    if (!isAboutThisKey) throw error
    return { proof: 'attested', code: error.code }
  } finally {
    recoveryKey?.fill(0)
  }
}

async function record(
  deps: ProofDeps,
  trx: Transaction<Database>,
  claimed: ClaimedProof,
  { proof, code }: Verdict,
): Promise<void> {
  const now = deps.clock.now()
  if (!(await finishProof(trx, claimed.id, { proof, now }))) return
  const about = {
    deviceId: claimed.device_id,
    volumeId: claimed.volume_id,
    recoveryKeyId: claimed.protector_id,
  }
  await appendAudit(trx, [
    {
      ...about,
      occurredAt: now,
      action: 'key.prove',
      outcome: proof === 'verified' ? 'success' : 'failed',
      actor: { type: 'system' },
      detail: { proof, ...(code === undefined ? {} : { code }) },
    },
  ])
  if (proof === 'mismatch') {
    await requestRotations(trx, [
      {
        ...about,
        keyId: claimed.id,
        trigger: 'mismatch',
        notBefore: now,
        now,
        actor: { type: 'system' },
      },
    ])
  }
}
