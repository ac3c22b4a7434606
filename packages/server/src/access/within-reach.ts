/**
 * A permission's reach as an SQL condition and as a question about one device. Lists use the
 * condition, so what is out of scope never leaves the database.
 */

import { sql, type Kysely, type RawBuilder } from 'kysely'
import type { Database } from '../db/schema.ts'
import type { DeviceReach, DeviceSelection } from './grants.ts'

/** `deviceId`: the column, such as sql.ref('device.id'). */
export function withinReach(
  { allowed, denied }: DeviceReach,
  deviceId: RawBuilder<unknown>,
): RawBuilder<boolean> {
  return sql<boolean>`(${selects(allowed, deviceId)} and not ${selects(denied, deviceId)})`
}

function selects(selection: DeviceSelection, deviceId: RawBuilder<unknown>): RawBuilder<boolean> {
  const { everywhere, unitIds, deviceIds } = selection
  if (everywhere) return sql<boolean>`true`
  if (unitIds.length === 0 && deviceIds.length === 0) return sql<boolean>`false`
  return sql<boolean>`(
    ${deviceId} = any(${[...deviceIds]}::uuid[])
    or exists (select from device_set_member member
                where member.device_id = ${deviceId}
                  and member.device_set_id = any(${[...unitIds]}::uuid[])))`
}

/** Whether the reach covers a device; false for one that does not exist. */
export async function reachesDevice(
  db: Kysely<Database>,
  reach: DeviceReach,
  deviceId: string,
): Promise<boolean> {
  const { rows } = await sql`
    select from device
     where device.id = ${deviceId} and ${withinReach(reach, sql.ref('device.id'))}`.execute(db)
  return rows.length > 0
}
