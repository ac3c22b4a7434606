/** SQL of what an owner sees of his devices. */

import { sql, type Kysely } from 'kysely'
import type { Database } from '../db/schema.ts'

export interface OwnDeviceRow {
  id: string
  name: string
  sort_name: string
  manufacturer: string | null
  model: string | null
  serial_number: string | null
  last_seen_at: Date | null
  encryption: string
  has_key: boolean
}

/** By name. */
export async function selectOwnDevices(
  db: Kysely<Database>,
  filter: {
    readonly ownerId: string
    readonly after?: { name: string; id: string } | undefined
    readonly limit: number
  },
): Promise<OwnDeviceRow[]> {
  const { ownerId, after, limit } = filter
  const place = sql`(lower(device.name) collate "C", device.id)`
  const further =
    after === undefined ? sql`` : sql`and ${place} > (${after.name} collate "C", ${after.id}::uuid)`
  const { rows } = await sql<OwnDeviceRow>`
    select device.id, device.name, lower(device.name) as sort_name, device.manufacturer,
           device.model, device.serial_number, presence.last_seen_at,
           exists (select from recovery_key key where key.device_id = device.id) as has_key,
           (select case
                     when count(*) = 0 then 'unknown'
                     when bool_or(volume.status = 'fullyDecrypted') then 'notEncrypted'
                     when bool_or(volume.status in ('encryptionInProgress', 'encryptionSuspended',
                       'decryptionInProgress', 'decryptionSuspended')) then 'inProgress'
                     else 'encrypted' end
              from volume
             where volume.device_id = device.id and volume.volume_type <> 'removable') as encryption
      from device
      left join device_presence presence on presence.device_id = device.id
     where device.owner_id = ${ownerId} ${further}
     order by lower(device.name) collate "C", device.id
     limit ${limit}`.execute(db)
  return rows
}
