/** SQL of devices as administrators see them. */

import { sql, type Kysely } from 'kysely'
import type { DeviceReach } from '../access/grants.ts'
import { withinReach } from '../access/within-reach.ts'
import type { Database } from '../db/schema.ts'
import type { DeviceFactRow } from './device-facts.ts'

export interface DeviceRow extends DeviceFactRow {
  id: string
  group_name: string | null
  agent_version: string | null
  enrolled_at: Date
  last_seen_at: Date | null
  sort_name: string
  /** Null also where the reach does not allow to see it. */
  owner: { id: string; user_principal_name: string; display_name: string } | null
}

/** `ownerReach`: the devices whose owner may be seen. */
function deviceColumns(ownerReach: DeviceReach) {
  return sql`
    device.id, device.name, device.serial_number, device.manufacturer, device.model,
    device.os_version, device.os_build, device.join_type, device.group_name, device.agent_version,
    device.enrolled_at, presence.last_seen_at, lower(device.name) as sort_name,
    (select jsonb_build_object('id', owner.id, 'user_principal_name', owner.user_principal_name,
                               'display_name', owner.display_name)
       from directory_user owner
      where owner.id = device.owner_id
        and ${withinReach(ownerReach, sql.ref('device.id'))}) as owner`
}

/** By name. `search` is the beginning of the name or of the serial number. */
export async function selectDevices(
  db: Kysely<Database>,
  filter: {
    readonly reach: DeviceReach
    readonly ownerReach: DeviceReach
    readonly search?: string | undefined
    readonly after?: { name: string; id: string } | undefined
    readonly limit: number
  },
): Promise<DeviceRow[]> {
  const conditions = [withinReach(filter.reach, sql.ref('device.id'))]
  if (filter.search !== undefined) {
    const pattern = `${filter.search.toLowerCase().replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
    conditions.push(sql`(lower(device.name) collate "C" like ${pattern}
                         or lower(device.serial_number) collate "C" like ${pattern})`)
  }
  if (filter.after !== undefined) {
    const { name, id } = filter.after
    conditions.push(sql`(lower(device.name) collate "C", device.id) > (${name}, ${id})`)
  }
  const { rows } = await sql<DeviceRow>`
    select ${deviceColumns(filter.ownerReach)}
      from device left join device_presence presence on presence.device_id = device.id
     where ${sql.join(conditions, sql` and `)}
     order by lower(device.name) collate "C", device.id
     limit ${filter.limit}`.execute(db)
  return rows
}

export async function selectDevice(
  db: Kysely<Database>,
  deviceId: string,
  ownerReach: DeviceReach,
): Promise<DeviceRow | undefined> {
  const { rows } = await sql<DeviceRow>`
    select ${deviceColumns(ownerReach)}
      from device left join device_presence presence on presence.device_id = device.id
     where device.id = ${deviceId}`.execute(db)
  return rows[0]
}

export interface DeviceVolumeRow {
  volume_id: string
  volume_type: string
  mount_point: string | null
  status: string
  protection: string
  encryption_method: string | null
  reported_at: Date
  protectors_read_at: Date | null
  protectors: { id: string; type: string; hasStoredKey: boolean }[]
}

export async function selectVolumes(
  db: Kysely<Database>,
  deviceId: string,
): Promise<DeviceVolumeRow[]> {
  const { rows } = await sql<DeviceVolumeRow>`
    select volume.volume_id, volume.volume_type, volume.mount_point, volume.status,
           volume.protection, volume.encryption_method, volume.reported_at,
           volume.protectors_read_at,
           (select coalesce(jsonb_agg(jsonb_build_object(
                     'id', protector.protector_id, 'type', protector.protector_type,
                     'hasStoredKey', key.id is not null) order by protector.protector_id), '[]')
              from protector
              left join recovery_key key
                on key.device_id = protector.device_id and key.volume_id = protector.volume_id
               and key.protector_id = protector.protector_id
             where protector.device_id = volume.device_id
               and protector.volume_id = volume.volume_id) as protectors
      from volume
     where volume.device_id = ${deviceId}
     order by volume.mount_point nulls last, volume.volume_id`.execute(db)
  return rows
}
