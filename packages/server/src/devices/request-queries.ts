/** SQL of device authentication: who signs with which key, and which requests were already seen. */

import { LIMITS } from '@keydesk/contract'
import { CompiledQuery, sql, type Kysely } from 'kysely'
import type { DeviceRequest } from '../access/actor.ts'
import type { Database } from '../db/schema.ts'

export interface DeviceKeyRow {
  id: string
  name: string
  public_key: Buffer
  report_digest: Buffer | null
}

const MARGIN_MS = (LIMITS.requestLifetimeSecondsMax + LIMITS.clockToleranceSeconds) * 1000

/** One text for ever, because every request of every device asks it. */
const SELECT_DEVICE_KEYS = `
  select id, name, public_key, report_digest from device where id = any($1::uuid[])`

export async function selectDeviceKeys(
  db: Kysely<Database>,
  deviceIds: readonly string[],
): Promise<DeviceKeyRow[]> {
  const { rows } = await db.executeQuery<DeviceKeyRow>(
    CompiledQuery.raw(SELECT_DEVICE_KEYS, [deviceIds]),
  )
  return rows
}

/**
 * One statement, so a transaction of its own; its commit does not wait for the disk. Returns the
 * IDs that were not yet there.
 */
export async function insertRequests(
  db: Kysely<Database>,
  requests: readonly DeviceRequest[],
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with asynchronous as materialized (select set_config('synchronous_commit', 'off', true))
    insert into device_request (id, expires_at)
    select input.id, input.expires_at
      from asynchronous, unnest(
             ${requests.map(({ id }) => id)}::uuid[],
             ${requests.map(({ expiresAt }) => expiresAt)}::timestamptz[]
           ) as input (id, expires_at)
     order by input.id
    on conflict (id) do nothing
    returning id`.execute(db)
  return rows.map((row) => row.id)
}

/**
 * Forgets requests that have expired and so would be refused anyway. Long after: the clock of
 * another server, or this one before it was set right, may still take them for valid.
 */
export async function deleteExpiredRequests(db: Kysely<Database>, now: Date): Promise<void> {
  const forgotten = new Date(now.getTime() - MARGIN_MS)
  await sql`delete from device_request where expires_at < ${forgotten}`.execute(db)
}
