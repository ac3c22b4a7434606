/** SQL of rotations. */

import { sql, type Kysely, type Transaction } from 'kysely'
import type { DeviceReach } from '../access/grants.ts'
import { withinReach } from '../access/within-reach.ts'
import type { Database } from '../db/schema.ts'

export interface NewRotation {
  readonly id: string
  readonly keyId: number
  readonly deviceId: string
  readonly trigger: string
  readonly attempt: number
  readonly requestedAt: Date
  readonly notBefore: Date
}

/**
 * One open rotation per key: where there is one, it is kept, and brought forward if the new one is
 * to start earlier. No two of the rotations may be for the same key. Returns the ID of the open
 * rotation of each key.
 */
export async function upsertOpenRotations(
  trx: Transaction<Database>,
  rotations: readonly NewRotation[],
): Promise<ReadonlyMap<number, string>> {
  const rows = rotations.map((rotation) => ({
    id: rotation.id,
    recovery_key_id: rotation.keyId,
    device_id: rotation.deviceId,
    trigger: rotation.trigger,
    attempt: rotation.attempt,
    requested_at: rotation.requestedAt.toISOString(),
    not_before: rotation.notBefore.toISOString(),
  }))
  const upserted = await sql<{ id: string; recovery_key_id: number }>`
    insert into rotation (id, recovery_key_id, device_id, trigger, state, attempt, requested_at,
                          not_before)
    select id, recovery_key_id, device_id, trigger, 'requested', attempt, requested_at, not_before
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as input (
        id uuid, recovery_key_id bigint, device_id uuid, trigger text, attempt integer,
        requested_at timestamptz, not_before timestamptz)
     order by recovery_key_id
    on conflict (recovery_key_id) where state in ('requested', 'delivered', 'inProgress')
      do update set not_before = least(rotation.not_before, excluded.not_before)
    returning id, recovery_key_id`.execute(trx)
  return new Map(upserted.rows.map((row) => [row.recovery_key_id, row.id]))
}

export interface RotationRow {
  id: string
  device_id: string
  volume_id: string
  protector_id: string
  trigger: string
  state: string
  attempt: number
  requested_at: Date
  not_before: Date
  delivered_at: Date | null
  finished_at: Date | null
  detail_code: string | null
}

const ROTATION_COLUMNS = [
  'rotation.id',
  'rotation.device_id',
  'recovery_key.volume_id',
  'recovery_key.protector_id',
  'rotation.trigger',
  'rotation.state',
  'rotation.attempt',
  'rotation.requested_at',
  'rotation.not_before',
  'rotation.delivered_at',
  'rotation.finished_at',
  'rotation.detail_code',
] as const

/** Newest first. */
export async function selectRotations(
  db: Kysely<Database>,
  filter: {
    readonly reach: DeviceReach
    readonly state?: string | undefined
    readonly deviceId?: string | undefined
    readonly before?: { at: Date; id: string } | undefined
    readonly limit: number
  },
): Promise<RotationRow[]> {
  let query = db
    .selectFrom('rotation')
    .innerJoin('recovery_key', 'recovery_key.id', 'rotation.recovery_key_id')
    .select(ROTATION_COLUMNS)
    .where(withinReach(filter.reach, sql.ref('rotation.device_id')))
  if (filter.state !== undefined) query = query.where('rotation.state', '=', filter.state)
  if (filter.deviceId !== undefined) {
    query = query.where('rotation.device_id', '=', filter.deviceId)
  }
  if (filter.before !== undefined) {
    const { at, id } = filter.before
    query = query.where(sql<boolean>`(rotation.requested_at, rotation.id) < (${at}, ${id})`)
  }
  return await query
    .orderBy('rotation.requested_at', 'desc')
    .orderBy('rotation.id', 'desc')
    .limit(filter.limit)
    .execute()
}

export async function selectRotationsById(
  db: Kysely<Database>,
  ids: readonly string[],
): Promise<RotationRow[]> {
  if (ids.length === 0) return []
  return await db
    .selectFrom('rotation')
    .innerJoin('recovery_key', 'recovery_key.id', 'rotation.recovery_key_id')
    .select(ROTATION_COLUMNS)
    .where('rotation.id', '=', sql<string>`any(${ids}::uuid[])`)
    .orderBy('rotation.requested_at')
    .orderBy('rotation.id')
    .execute()
}

/** The active stored keys of a device that a rotation by hand is about. */
export async function selectKeysToRotate(
  trx: Transaction<Database>,
  filter: {
    readonly deviceId: string
    readonly volumeId?: string | undefined
    readonly protectorId?: string | undefined
    readonly limit: number
  },
): Promise<{ id: number; volume_id: string; protector_id: string }[]> {
  let query = trx
    .selectFrom('recovery_key')
    .select(['id', 'volume_id', 'protector_id'])
    .where('device_id', '=', filter.deviceId)
    .where('state', '=', 'active')
  if (filter.volumeId !== undefined) query = query.where('volume_id', '=', filter.volumeId)
  if (filter.protectorId !== undefined) {
    query = query.where('protector_id', '=', filter.protectorId)
  }
  return await query.orderBy('id').limit(filter.limit).execute()
}
