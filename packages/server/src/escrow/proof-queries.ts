/** SQL of the queue of keys that wait for their proof. */

import { sql, type Kysely, type Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'

export interface ClaimedProof {
  id: number
  entry: Buffer
  attempts: number
  device_id: string
  volume_id: string
  protector_id: string
  sealed_key: Buffer
  key_check: string
  receipt: string
}

/**
 * Takes the oldest proof that nobody works on, the first of each device before the second of any: a
 * device that queues thousands keeps nobody else waiting. Whoever takes it has it until
 * `claimedUntil`; a worker that dies lets go of it then.
 */
export async function claimProof(
  db: Kysely<Database>,
  options: { readonly now: Date; readonly claimedUntil: Date },
): Promise<ClaimedProof | undefined> {
  const { rows } = await sql<ClaimedProof>`
    with next as (
      select recovery_key_id from key_proof
       where claimed_until is null or claimed_until < ${options.now}
       order by turn, queued_at
       limit 1
         for update skip locked
    ), claimed as (
      update key_proof
         set claimed_until = ${options.claimedUntil}, attempts = attempts + 1
        from next where key_proof.recovery_key_id = next.recovery_key_id
      returning key_proof.recovery_key_id, key_proof.entry, key_proof.attempts
    )
    select key.id, claimed.entry, claimed.attempts, key.device_id, key.volume_id,
           key.protector_id, key.sealed_key, key.key_check, key.receipt
      from claimed join recovery_key key on key.id = claimed.recovery_key_id`.execute(db)
  return rows[0]
}

/** False: the proof is not in the queue any more, so somebody else has finished it. */
export async function finishProof(
  trx: Transaction<Database>,
  keyId: number,
  result: { readonly proof: 'verified' | 'mismatch' | 'attested'; readonly now: Date },
): Promise<boolean> {
  const removed = await trx
    .deleteFrom('key_proof')
    .where('recovery_key_id', '=', keyId)
    .returning('recovery_key_id')
    .executeTakeFirst()
  if (removed === undefined) return false
  await trx
    .updateTable('recovery_key')
    .set({ proof: result.proof, proven_at: result.proof === 'attested' ? null : result.now })
    .where('id', '=', keyId)
    .execute()
  return true
}

/** Queues entries for keys that are only attested so far; others are left alone. */
export async function queueProofs(
  trx: Transaction<Database>,
  proofs: readonly { readonly keyId: number; readonly entry: Uint8Array }[],
  now: Date,
): Promise<void> {
  for (const { keyId, entry } of proofs) {
    const { numUpdatedRows } = await trx
      .updateTable('recovery_key')
      .set({ proof: 'pending' })
      .where('id', '=', keyId)
      .where('proof', '=', 'attested')
      .executeTakeFirst()
    if (numUpdatedRows === 0n) continue
    await sql`
      insert into key_proof (recovery_key_id, device_id, turn, entry, queued_at)
      select id, device_id,
             (select count(*) from key_proof waiting
               where waiting.device_id = recovery_key.device_id),
             ${Buffer.from(entry)}, ${now}
        from recovery_key where id = ${keyId}`.execute(trx)
  }
}
