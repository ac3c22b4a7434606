/** SQL of escrow. What is inserted here is never changed and never deleted. */

import { CompiledQuery, type Kysely } from 'kysely'
import { LIMITS } from '@keydesk/contract'
import type { Database } from '../db/schema.ts'

export interface NewKey {
  readonly deviceId: string
  readonly deviceName: string
  readonly volumeId: string
  readonly protectorId: string
  readonly volumeType: string
  readonly mountPoint: string | undefined
  readonly sealedKey: Uint8Array
  readonly vaultKeyId: string
  readonly keyCheck: string
  readonly receipt: string
  readonly escrowedAt: Date
  readonly entry: Uint8Array | undefined
  /** The signed request, which must not have been received before. */
  readonly signedRequest: { readonly id: string; readonly expiresAt: Date }
  /** For the audit entry. */
  readonly requestId: string
}

/** `notInserted`: there is one, or the device has as many as it may. */
export type InsertOutcome = 'inserted' | 'notInserted' | 'replayed'

/** One text for ever: put together anew for each batch, it took as long as sending it. */
const INSERT_KEYS = `
  with input as materialized (
    select position, device_id, device_name, volume_id, protector_id, volume_type, mount_point,
           decode(sealed_key, 'base64') as sealed_key, vault_key_id, key_check, receipt,
           escrowed_at, decode(entry, 'base64') as entry, request, request_expires_at, request_id
      from jsonb_to_recordset($1::jsonb) as row (
        position integer, device_id uuid, device_name text, volume_id uuid, protector_id uuid,
        volume_type text, mount_point text, sealed_key text, vault_key_id text, key_check text,
        receipt text, escrowed_at timestamptz, entry text, request uuid,
        request_expires_at timestamptz, request_id text)
  ), remembered as (
    insert into device_request (id, expires_at)
    select request, request_expires_at from input order by request
    on conflict (id) do nothing
    returning id
  ), inserted as (
    insert into recovery_key (device_id, volume_id, protector_id, volume_type, mount_point,
                              sealed_key, vault_key_id, key_check, receipt, escrowed_at, proof)
    select device_id, volume_id, protector_id, volume_type, mount_point,
           sealed_key, vault_key_id, key_check, receipt, escrowed_at,
           case when entry is null then 'attested' else 'pending' end
      from input join remembered on remembered.id = input.request
     where (select count(*) from recovery_key key
             where key.device_id = input.device_id and key.state = 'active'
           ) < ${LIMITS.activeKeysPerDeviceMax}
     order by device_id, volume_id, protector_id
    on conflict (device_id, volume_id, protector_id) do nothing
    returning id, device_id, volume_id, protector_id
  ), stored as (
    select inserted.id, input.*
      from inserted join input using (device_id, volume_id, protector_id)
  ), proof as (
    insert into key_proof (recovery_key_id, device_id, turn, entry, queued_at)
    select id, device_id,
           row_number() over (partition by device_id order by id) - 1
             + (select count(*) from key_proof waiting
                 where waiting.device_id = stored.device_id),
           entry, escrowed_at
      from stored where entry is not null
  ), entry as (
    insert into audit_entry (occurred_at, action, outcome, actor_type, actor_id, actor_name,
                             device_id, volume_id, recovery_key_id, request_id)
    select escrowed_at, 'key.escrow', 'success', 'device', device_id, device_name,
           device_id, volume_id, protector_id, request_id
      from stored
    returning id
  ), pending as (
    insert into audit_pending (entry_id) select id from entry
  )
  select case when remembered.id is null then 'replayed'
              when stored.id is null then 'notInserted'
              else 'inserted' end as outcome
    from input
    left join remembered on remembered.id = input.request
    left join stored on stored.position = input.position
   order by input.position`

/**
 * Remembers the signed requests and inserts the keys, the proofs to be made and the audit entries:
 * one statement for the whole batch, hence one transaction and one durable commit.
 *
 * A key that exists already is left alone (`notInserted`); its transaction, if still open, is
 * waited for.
 */
export async function insertKeys(
  db: Kysely<Database>,
  keys: readonly NewKey[],
): Promise<InsertOutcome[]> {
  const input = JSON.stringify(keys.map(inputRow))
  const { rows } = await db.executeQuery<{ outcome: InsertOutcome }>(
    CompiledQuery.raw(INSERT_KEYS, [input]),
  )
  return rows.map((row) => row.outcome)
}

/** As `jsonb_to_recordset` reads it; bytes in base64. */
function inputRow(key: NewKey, position: number) {
  return {
    position,
    device_id: key.deviceId,
    device_name: key.deviceName,
    volume_id: key.volumeId,
    protector_id: key.protectorId,
    volume_type: key.volumeType,
    mount_point: key.mountPoint ?? null,
    sealed_key: Buffer.from(key.sealedKey).toString('base64'),
    vault_key_id: key.vaultKeyId,
    key_check: key.keyCheck,
    receipt: key.receipt,
    escrowed_at: key.escrowedAt.toISOString(),
    entry: key.entry === undefined ? null : Buffer.from(key.entry).toString('base64'),
    request: key.signedRequest.id,
    request_expires_at: key.signedRequest.expiresAt.toISOString(),
    request_id: key.requestId,
  }
}

export interface ExistingKey {
  sealed_key: Buffer
  key_check: string
  receipt: string
}

export async function selectKey(
  db: Kysely<Database>,
  key: { deviceId: string; volumeId: string; protectorId: string },
): Promise<ExistingKey | undefined> {
  return await db
    .selectFrom('recovery_key')
    .select(['sealed_key', 'key_check', 'receipt'])
    .where('device_id', '=', key.deviceId)
    .where('volume_id', '=', key.volumeId)
    .where('protector_id', '=', key.protectorId)
    .executeTakeFirst()
}
