/** SQL of disclosures. */

import { sql, type Kysely, type Transaction } from 'kysely'
import type { DeviceReach } from '../access/grants.ts'
import { withinReach } from '../access/within-reach.ts'
import type { Database } from '../db/schema.ts'

export interface KeyToDisclose {
  id: number
  device_id: string
  device_name: string
  volume_id: string
  volume_type: string
  mount_point: string | null
  protector_id: string
  sealed_key: Buffer
  key_check: string
  receipt: string
}

/**
 * Two devices may hold the same protector, for example after a disk moved: at most two rows, in no
 * order, since an order by ID makes PostgreSQL walk through all keys by ID.
 */
export async function selectKeysToDisclose(
  db: Kysely<Database>,
  wanted: { readonly recoveryKeyId: string; readonly deviceId?: string | undefined },
  reach: DeviceReach,
): Promise<KeyToDisclose[]> {
  let query = db
    .selectFrom('recovery_key as key')
    .innerJoin('device', 'device.id', 'key.device_id')
    .select([
      'key.id',
      'key.device_id',
      'device.name as device_name',
      'key.volume_id',
      'key.volume_type',
      'key.mount_point',
      'key.protector_id',
      'key.sealed_key',
      'key.key_check',
      'key.receipt',
    ])
    .where('key.protector_id', '=', wanted.recoveryKeyId)
    .where(withinReach(reach, sql.ref('key.device_id')))
  if (wanted.deviceId !== undefined) query = query.where('key.device_id', '=', wanted.deviceId)
  return await query.limit(2).execute()
}

/** A device that stored a protector which is disclosed. */
export interface HolderOfKey {
  id: number
  device_id: string
  volume_id: string
  protector_id: string
  state: string
}

/**
 * Every row of these protectors of their volumes, through whichever device it was stored: a disk
 * that moved to another PC has one for each. Locked against a change of their state, in the order
 * of their IDs (`lockKeys` of the check-in says why), until the transaction ends.
 */
export async function lockHoldersOfKeys(
  trx: Transaction<Database>,
  keys: readonly { readonly volume_id: string; readonly protector_id: string }[],
): Promise<HolderOfKey[]> {
  const { rows } = await sql<HolderOfKey>`
    select key.id, key.device_id, key.volume_id, key.protector_id, key.state
      from recovery_key key
     where key.protector_id = any(${keys.map((key) => key.protector_id)}::uuid[])
       and (key.protector_id, key.volume_id) in (
         select * from unnest(${keys.map((key) => key.protector_id)}::uuid[],
                              ${keys.map((key) => key.volume_id)}::uuid[]))
     order by key.id
       for share of key`.execute(trx)
  return rows
}

/**
 * Disclosures of these administrators wait from here to the end of the transaction, so that
 * counting them is exact. In one order, so that two batches cannot deadlock.
 */
export async function lockBudgets(
  trx: Transaction<Database>,
  principalIds: readonly string[],
): Promise<void> {
  const names = principalIds.map((id) => `disclosure budget ${id}`).toSorted()
  await sql`
    select pg_advisory_xact_lock(hashtextextended(name, 0))
      from unnest(${names}::text[]) with ordinality as budget (name, place)
     order by place`.execute(trx)
}

export interface BudgetUse {
  readonly count: number
  /** Of the oldest one that counts. */
  readonly first: Date | null
}

/** How many disclosures each principal asked for since then. */
export async function countDisclosures(
  trx: Transaction<Database>,
  principalIds: readonly string[],
  since: Date,
): Promise<ReadonlyMap<string, BudgetUse>> {
  const { rows } = await sql<{ principal_id: string } & BudgetUse>`
    select principal_id, count(*) as count, min(requested_at) as first from disclosure
     where principal_id = any(${principalIds}::uuid[]) and requested_at > ${since}
     group by principal_id`.execute(trx)
  return new Map(rows.map(({ principal_id, count, first }) => [principal_id, { count, first }]))
}

export interface NewDisclosure {
  readonly id: string
  readonly exposureId: string
  readonly keyId: number
  readonly deviceId: string
  readonly principalId: string
  readonly reasonCode: string
  readonly reasonText: string | undefined
  readonly ticket: string | undefined
  readonly requestedAt: Date
}

/** The disclosures and the exposures that they open: neither without the other. */
export async function insertDisclosures(
  trx: Transaction<Database>,
  disclosures: readonly NewDisclosure[],
): Promise<void> {
  const rows = disclosures.map((disclosure) => ({
    id: disclosure.id,
    exposure_id: disclosure.exposureId,
    recovery_key_id: disclosure.keyId,
    device_id: disclosure.deviceId,
    principal_id: disclosure.principalId,
    reason_code: disclosure.reasonCode,
    reason_text: disclosure.reasonText ?? null,
    ticket: disclosure.ticket ?? null,
    requested_at: disclosure.requestedAt.toISOString(),
  }))
  await sql`
    with input as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as row (
        id uuid, exposure_id uuid, recovery_key_id bigint, device_id uuid, principal_id uuid,
        reason_code text, reason_text text, ticket text, requested_at timestamptz)
    ), disclosed as (
      insert into disclosure (id, recovery_key_id, principal_id, reason_code, reason_text,
                              ticket, state, requested_at)
      select id, recovery_key_id, principal_id, reason_code, reason_text, ticket, 'requested',
             requested_at
        from input
    )
    insert into exposure (id, disclosure_id, recovery_key_id, device_id, state, opened_at)
    select exposure_id, id, recovery_key_id, device_id, 'open', requested_at
      from input`.execute(trx)
}

export async function finishDisclosures(
  trx: Transaction<Database>,
  outcomes: readonly { readonly id: string; readonly state: 'shown' | 'failed' }[],
  now: Date,
): Promise<void> {
  await sql`
    update disclosure set state = outcome.state, finished_at = ${now}
      from jsonb_to_recordset(${JSON.stringify(outcomes)}::jsonb) as outcome (id uuid, state text)
     where disclosure.id = outcome.id and disclosure.state = 'requested'`.execute(trx)
}
