/** SQL of the check-in. */

import { sql, type Kysely, type Transaction } from 'kysely'
import type { CheckInRequest } from '@keydesk/contract'
import type { Database } from '../db/schema.ts'
import { deviceFactColumns, type DeviceFactRow } from './device-facts.ts'
import type { DeviceState, RotationStep } from './plan-check-in.ts'

/** What a check-in may change, in one round trip. */
export async function selectDeviceState(
  db: Kysely<Database>,
  deviceId: string,
  reportedProtectorIds: readonly string[],
): Promise<DeviceState> {
  const { rows } = await sql<DeviceState>`
    select
      (select coalesce(jsonb_agg(jsonb_build_object(
                'id', id, 'volumeId', volume_id, 'protectorId', protector_id,
                'state', state, 'proof', proof) order by id), '[]')
         from recovery_key
        where device_id = ${deviceId}
          and (state = 'active' or protector_id = any(${reportedProtectorIds}::uuid[]))
      ) as keys,
      (select coalesce(jsonb_agg(jsonb_build_object(
                'id', rotation.id, 'keyId', rotation.recovery_key_id,
                'volumeId', key.volume_id, 'protectorId', key.protector_id,
                'trigger', rotation.trigger, 'state', rotation.state,
                'attempt', rotation.attempt, 'notBefore', rotation.not_before,
                'detailCode', rotation.detail_code) order by rotation.not_before), '[]')
         from rotation join recovery_key key on key.id = rotation.recovery_key_id
        where rotation.device_id = ${deviceId}
          and rotation.state in ('requested', 'delivered', 'inProgress')
      ) as rotations,
      (select coalesce(jsonb_agg(jsonb_build_object(
                'id', exposure.id, 'keyId', exposure.recovery_key_id,
                'volumeId', key.volume_id, 'protectorId', key.protector_id)), '[]')
         from exposure join recovery_key key on key.id = exposure.recovery_key_id
        where exposure.device_id = ${deviceId} and exposure.state = 'open'
      ) as exposures`.execute(db)
  const state = rows[0]
  if (state === undefined) throw new Error('a select without a from returned no row')
  return state
}

/**
 * Check-ins of one device wait for each other from here to the end of the transaction. Returns what
 * the device said of itself before.
 */
export async function lockDevice(
  trx: Transaction<Database>,
  deviceId: string,
): Promise<DeviceFactRow> {
  return await trx
    .selectFrom('device')
    .select([
      'name',
      'serial_number',
      'manufacturer',
      'model',
      'os_version',
      'os_build',
      'join_type',
    ])
    .where('id', '=', deviceId)
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow()
}

export async function updateDevice(
  trx: Transaction<Database>,
  deviceId: string,
  report: CheckInRequest,
  digest: Buffer,
): Promise<void> {
  await trx
    .updateTable('device')
    .set({
      ...deviceFactColumns(report.device),
      agent_version: report.agentVersion,
      report_digest: digest,
    })
    .where('id', '=', deviceId)
    .execute()
}

export async function upsertVolumes(
  trx: Transaction<Database>,
  deviceId: string,
  report: CheckInRequest,
  now: Date,
): Promise<void> {
  if (report.volumes.length === 0) return
  const rows = report.volumes.map((volume) => ({
    volume_id: volume.volumeId,
    volume_type: volume.volumeType,
    mount_point: volume.mountPoint ?? null,
    status: volume.status,
    protection: volume.protection,
    encryption_method: volume.encryptionMethod ?? null,
    protectors_read_at: volume.protectors === null ? null : now.toISOString(),
  }))
  await sql`
    insert into volume (device_id, volume_id, volume_type, mount_point, status, protection,
                        encryption_method, reported_at, protectors_read_at)
    select ${deviceId}, volume_id, volume_type, mount_point, status, protection,
           encryption_method, ${now}, protectors_read_at
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as input (
        volume_id uuid, volume_type text, mount_point text, status text, protection text,
        encryption_method text, protectors_read_at timestamptz)
    on conflict (device_id, volume_id) do update set
      volume_type = excluded.volume_type, mount_point = excluded.mount_point,
      status = excluded.status, protection = excluded.protection,
      encryption_method = excluded.encryption_method, reported_at = excluded.reported_at,
      protectors_read_at = coalesce(excluded.protectors_read_at, volume.protectors_read_at)
  `.execute(trx)
}

/** The lists that could be read replace what was known of their volumes. */
export async function replaceProtectors(
  trx: Transaction<Database>,
  deviceId: string,
  report: CheckInRequest,
  now: Date,
): Promise<void> {
  const read = report.volumes.filter(({ protectors }) => protectors !== null)
  if (read.length === 0) return
  const volumeIds = read.map(({ volumeId }) => volumeId)
  const rows = read.flatMap(({ volumeId, protectors }) =>
    (protectors ?? []).map(({ id, type }) => ({
      volume_id: volumeId,
      protector_id: id,
      protector_type: type,
    })),
  )
  await sql`
    with input as materialized (
      select volume_id, protector_id, protector_type
        from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as row (
          volume_id uuid, protector_id uuid, protector_type text)
    ), gone as (
      delete from protector
       where device_id = ${deviceId} and volume_id = any(${volumeIds}::uuid[])
         and not exists (select from input
                          where input.volume_id = protector.volume_id
                            and input.protector_id = protector.protector_id)
    )
    insert into protector (device_id, volume_id, protector_id, protector_type, first_seen_at)
    select ${deviceId}, volume_id, protector_id, protector_type, ${now} from input
    on conflict (device_id, volume_id, protector_id) do update
      set protector_type = excluded.protector_type
      where protector.protector_type <> excluded.protector_type`.execute(trx)
}

/**
 * Everybody who locks several keys does it in the order of their IDs, so that nobody waits in a
 * circle: check-ins before they change keys, and disclosures.
 */
export async function lockKeys(
  trx: Transaction<Database>,
  keyIds: readonly number[],
): Promise<void> {
  if (keyIds.length === 0) return
  await trx
    .selectFrom('recovery_key')
    .select('id')
    .where('id', '=', sql<number>`any(${keyIds}::bigint[])`)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
}

export async function setKeyState(
  trx: Transaction<Database>,
  keyIds: readonly number[],
  state: { readonly supersededAt: Date | null },
): Promise<void> {
  if (keyIds.length === 0) return
  await trx
    .updateTable('recovery_key')
    .set({
      state: state.supersededAt === null ? 'active' : 'superseded',
      superseded_at: state.supersededAt,
    })
    .where('id', '=', sql<number>`any(${keyIds}::bigint[])`)
    .execute()
}

export async function closeExposure(
  trx: Transaction<Database>,
  exposureId: string,
  successorKeyId: number,
  now: Date,
): Promise<void> {
  await trx
    .updateTable('exposure')
    .set({ state: 'closed', closed_at: now, successor_key_id: successorKeyId })
    .where('id', '=', exposureId)
    .where('state', '=', 'open')
    .execute()
}

/**
 * Which of these keys were disclosed, through this device or through another one that stored the
 * same protector of the same volume.
 */
export async function selectDisclosedKeys(
  trx: Transaction<Database>,
  keyIds: readonly number[],
): Promise<ReadonlySet<number>> {
  const { rows } = await sql<{ id: number }>`
    select key.id from recovery_key key
     where key.id = any(${keyIds}::bigint[])
       and exists (
         select from recovery_key same join disclosure on disclosure.recovery_key_id = same.id
          where same.protector_id = key.protector_id and same.volume_id = key.volume_id)`.execute(
    trx,
  )
  return new Set(rows.map(({ id }) => id))
}

/**
 * Opens the newest exposure again of each key that has only closed ones. It keeps the time of its
 * opening: the password has been known since then.
 */
export async function reopenExposures(
  trx: Transaction<Database>,
  keyIds: readonly number[],
): Promise<{ id: string; keyId: number }[]> {
  const { rows } = await sql<{ id: string; keyId: number }>`
    with newest as (
      select distinct on (exposure.recovery_key_id) exposure.id
        from disclosure join exposure on exposure.disclosure_id = disclosure.id
       where disclosure.recovery_key_id = any(${keyIds}::bigint[])
         and not exists (select from exposure other
                          where other.recovery_key_id = exposure.recovery_key_id
                            and other.state = 'open')
       order by exposure.recovery_key_id, exposure.opened_at desc, exposure.id
    )
    update exposure set state = 'open', closed_at = null, successor_key_id = null
      from newest where exposure.id = newest.id
    returning exposure.id, exposure.recovery_key_id as "keyId"`.execute(trx)
  return rows
}

export async function stepRotation(
  trx: Transaction<Database>,
  step: RotationStep,
  now: Date,
): Promise<void> {
  await trx
    .updateTable('rotation')
    .set({
      state: step.state,
      detail_code: step.detailCode,
      finished_at: step.state === 'inProgress' ? null : now,
    })
    .where('id', '=', step.rotation.id)
    .execute()
}

export async function markDelivered(
  trx: Transaction<Database>,
  rotationIds: readonly string[],
  now: Date,
): Promise<void> {
  if (rotationIds.length === 0) return
  await trx
    .updateTable('rotation')
    .set({ state: 'delivered', delivered_at: now })
    .where('id', '=', sql<string>`any(${rotationIds}::uuid[])`)
    .where('state', '=', 'requested')
    .execute()
}

/** One statement for many devices; its commit does not wait for the disk. */
export async function upsertPresence(
  db: Kysely<Database>,
  seen: readonly { readonly deviceId: string; readonly at: Date }[],
): Promise<void> {
  // In the order of the key, so that two servers that write the same devices cannot deadlock.
  const sorted = seen.toSorted((a, b) => (a.deviceId < b.deviceId ? -1 : 1))
  await sql`
    with asynchronous as materialized (select set_config('synchronous_commit', 'off', true))
    insert into device_presence (device_id, last_seen_at)
    select input.device_id, input.last_seen_at
      from asynchronous, unnest(
             ${sorted.map(({ deviceId }) => deviceId)}::uuid[],
             ${sorted.map(({ at }) => at)}::timestamptz[]
           ) as input (device_id, last_seen_at)
    on conflict (device_id) do update
      set last_seen_at = greatest(device_presence.last_seen_at, excluded.last_seen_at)
  `.execute(db)
}
