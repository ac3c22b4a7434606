/** SQL of stored keys as people look for them: metadata only. */

import { sql, type Kysely } from 'kysely'
import type { DeviceReach } from '../access/grants.ts'
import { withinReach } from '../access/within-reach.ts'
import type { Database } from '../db/schema.ts'

export interface RecoveryKeyRow {
  id: number
  device_id: string
  device_name: string
  volume_id: string
  volume_type: string
  mount_point: string | null
  protector_id: string
  state: string
  proof: string
  escrowed_at: Date
  superseded_at: Date | null
  is_exposed: boolean
  /** Null: no protector list of the volume was ever reported. */
  is_on_disk: boolean | null
}

/** Every ID from `first` to `last`, both included; the order of uuid is that of its digits. */
export interface ProtectorRange {
  readonly first: string
  readonly last: string
}

/** Active before superseded, then the newest first. */
export async function selectRecoveryKeys(
  db: Kysely<Database>,
  filter: {
    readonly reach: DeviceReach
    readonly range?: ProtectorRange | undefined
    readonly deviceId?: string | undefined
    readonly after?: { state: string; id: number } | undefined
    readonly limit: number
  },
): Promise<RecoveryKeyRow[]> {
  const conditions = [withinReach(filter.reach, sql.ref('key.device_id'))]
  if (filter.range !== undefined) {
    const { first, last } = filter.range
    conditions.push(sql`key.protector_id between ${first} and ${last}`)
  }
  if (filter.deviceId !== undefined) conditions.push(sql`key.device_id = ${filter.deviceId}`)
  if (filter.after !== undefined) {
    const { state, id } = filter.after
    conditions.push(sql`(key.state > ${state} or (key.state = ${state} and key.id < ${id}))`)
  }
  const { rows } = await sql<RecoveryKeyRow>`
    select key.id, key.device_id, device.name as device_name, key.volume_id, key.volume_type,
           key.mount_point, key.protector_id, key.state, key.proof, key.escrowed_at,
           key.superseded_at,
           exists (select from exposure
                    where exposure.recovery_key_id = key.id and exposure.state = 'open'
                  ) as is_exposed,
           case when volume.protectors_read_at is not null then
             exists (select from protector
                      where protector.device_id = key.device_id
                        and protector.volume_id = key.volume_id
                        and protector.protector_id = key.protector_id)
           end as is_on_disk
      from recovery_key key
      join device on device.id = key.device_id
      left join volume on volume.device_id = key.device_id and volume.volume_id = key.volume_id
     where ${sql.join(conditions, sql` and `)}
     order by key.state, key.id desc
     limit ${filter.limit}`.execute(db)
  return rows
}
