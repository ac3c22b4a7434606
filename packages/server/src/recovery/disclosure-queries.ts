/** SQL of disclosures. */

import { sql, type Insertable, type Kysely, type Transaction } from 'kysely'
import type { Database, DisclosureTable } from '../db/schema.ts'

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

/** Two devices may hold the same protector, for example after a disk moved: at most two rows. */
export async function selectKeysToDisclose(
  db: Kysely<Database>,
  wanted: { readonly recoveryKeyId: string; readonly deviceId?: string | undefined },
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
  if (wanted.deviceId !== undefined) query = query.where('key.device_id', '=', wanted.deviceId)
  return await query.orderBy('key.id').limit(2).execute()
}

/** A device that stored the protector which is disclosed. */
export interface HolderOfKey {
  id: number
  device_id: string
  state: string
}

/**
 * Every row of this protector of this volume, through whichever device it was stored: a disk that
 * moved to another PC has one for each. Locked against a change of their state, in the order of
 * their IDs (`lockKeys` of the check-in says why), until the transaction ends.
 */
export async function lockHoldersOfKey(
  trx: Transaction<Database>,
  key: { readonly volumeId: string; readonly protectorId: string },
): Promise<HolderOfKey[]> {
  return await trx
    .selectFrom('recovery_key')
    .select(['id', 'device_id', 'state'])
    .where('protector_id', '=', key.protectorId)
    .where('volume_id', '=', key.volumeId)
    .orderBy('id')
    .forShare()
    .execute()
}

/**
 * Disclosures of one administrator wait for each other from here to the end of the transaction, so
 * that counting them is exact.
 */
export async function lockBudget(
  trx: Transaction<Database>,
  administratorId: string,
): Promise<void> {
  const name = `disclosure budget ${administratorId}`
  await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(trx)
}

/** How many disclosures the administrator asked for since then, and when the first of them was. */
export async function countDisclosures(
  trx: Transaction<Database>,
  administratorId: string,
  since: Date,
): Promise<{ count: number; first: Date | null }> {
  const { rows } = await sql<{ count: number; first: Date | null }>`
    select count(*) as count, min(requested_at) as first from disclosure
     where administrator_id = ${administratorId} and requested_at > ${since}`.execute(trx)
  return rows[0] ?? { count: 0, first: null }
}

/** The disclosure and the exposure that it opens: neither without the other. */
export async function insertDisclosure(
  trx: Transaction<Database>,
  disclosure: Omit<Insertable<DisclosureTable>, 'state'>,
  exposure: { readonly id: string; readonly deviceId: string },
): Promise<void> {
  await trx
    .with('disclosure_row', (db) =>
      db.insertInto('disclosure').values({ ...disclosure, state: 'requested' }),
    )
    .insertInto('exposure')
    .values({
      id: exposure.id,
      disclosure_id: disclosure.id,
      recovery_key_id: disclosure.recovery_key_id,
      device_id: exposure.deviceId,
      state: 'open',
      opened_at: disclosure.requested_at,
    })
    .execute()
}

export async function finishDisclosure(
  trx: Transaction<Database>,
  disclosureId: string,
  outcome: { readonly state: 'shown' | 'failed'; readonly now: Date },
): Promise<void> {
  await trx
    .updateTable('disclosure')
    .set({ state: outcome.state, finished_at: outcome.now })
    .where('id', '=', disclosureId)
    .where('state', '=', 'requested')
    .execute()
}
