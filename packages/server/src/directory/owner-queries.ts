/** SQL of ownership. */

import { sql, type Kysely, type Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'

/**
 * Of these users, those who exist; they are not deleted before the transaction ends. Users are
 * locked before devices, as by the one who deletes a user.
 */
export async function lockOwners(
  trx: Transaction<Database>,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set()
  const rows = await trx
    .selectFrom('directory_user')
    .select('id')
    .where('id', '=', sql<string>`any(${ids}::uuid[])`)
    .where('deleted_at', 'is', null)
    .orderBy('id')
    .forShare()
    .execute()
  return new Set(rows.map(({ id }) => id))
}

/** Owner changes and check-ins of these devices wait for each other from here on. */
export async function lockOwnedDevices(
  trx: Transaction<Database>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string | null>> {
  const rows = await trx
    .selectFrom('device')
    .select(['id', 'owner_id'])
    .where('id', '=', sql<string>`any(${ids}::uuid[])`)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
  return new Map(rows.map(({ id, owner_id }) => [id, owner_id]))
}

export interface OwnerChangeRow {
  readonly device_id: string
  readonly from_id: string | null
  readonly to_id: string | null
}

/** Sets the owners and adds the history. */
export async function writeOwnerChanges(
  trx: Transaction<Database>,
  changes: readonly OwnerChangeRow[],
  { cause, now }: { readonly cause: string; readonly now: Date },
): Promise<void> {
  await sql`
    with change as materialized (
      select device_id, from_id, to_id
        from jsonb_to_recordset(${JSON.stringify(changes)}::jsonb) as input (
          device_id uuid, from_id uuid, to_id uuid)
    ), history as (
      insert into device_owner_change (device_id, from_id, to_id, cause, changed_at)
      select device_id, from_id, to_id, ${cause}, ${now} from change
    )
    update device set owner_id = change.to_id from change where device.id = change.device_id
  `.execute(trx)
}

export interface ActiveKeyRow {
  id: number
  device_id: string
  volume_id: string
  protector_id: string
}

/** The keys that unlock these devices, as far as is known. */
export async function selectActiveKeys(
  trx: Transaction<Database>,
  deviceIds: readonly string[],
): Promise<ActiveKeyRow[]> {
  return await trx
    .selectFrom('recovery_key')
    .select(['id', 'device_id', 'volume_id', 'protector_id'])
    .where('device_id', '=', sql<string>`any(${deviceIds}::uuid[])`)
    .where('state', '=', 'active')
    .orderBy('id')
    .execute()
}

export async function selectDeviceIdsOfOwner(
  trx: Transaction<Database>,
  userId: string,
): Promise<string[]> {
  const rows = await trx
    .selectFrom('device')
    .select('id')
    .where('owner_id', '=', userId)
    .orderBy('id')
    .execute()
  return rows.map(({ id }) => id)
}

export interface OwnerRow {
  id: string
  user_principal_name: string
  display_name: string
}

export async function selectOwner(
  db: Kysely<Database>,
  deviceId: string,
): Promise<OwnerRow | undefined> {
  return await db
    .selectFrom('device')
    .innerJoin('directory_user', 'directory_user.id', 'device.owner_id')
    .select([
      'directory_user.id',
      'directory_user.user_principal_name',
      'directory_user.display_name',
    ])
    .where('device.id', '=', deviceId)
    .executeTakeFirst()
}

export interface OwnerHistoryRow {
  changed_at: Date
  cause: string
  from: OwnerRow | null
  to: OwnerRow | null
}

/** Newest first; deleted users are named too, since they are history. */
export async function selectOwnerHistory(
  db: Kysely<Database>,
  deviceId: string,
  limit: number,
): Promise<OwnerHistoryRow[]> {
  const { rows } = await sql<OwnerHistoryRow>`
    select change.changed_at, change.cause, ${person('was')} as "from", ${person('becomes')} as "to"
      from device_owner_change change
      left join directory_user was on was.id = change.from_id
      left join directory_user becomes on becomes.id = change.to_id
     where change.device_id = ${deviceId}
     order by change.id desc
     limit ${limit}`.execute(db)
  return rows
}

function person(alias: string) {
  const of = (column: string) => sql.ref(`${alias}.${column}`)
  return sql`case when ${of('id')} is not null then jsonb_build_object(
    'id', ${of('id')}, 'user_principal_name', ${of('user_principal_name')},
    'display_name', ${of('display_name')}) end`
}
