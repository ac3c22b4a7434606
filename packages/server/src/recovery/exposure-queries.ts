/** SQL of exposures. */

import { sql, type Kysely } from 'kysely'
import type { DeviceReach } from '../access/grants.ts'
import { withinReach } from '../access/within-reach.ts'
import type { Database } from '../db/schema.ts'

export interface ExposureRow {
  id: string
  disclosure_id: string
  device_id: string
  volume_id: string
  protector_id: string
  state: string
  opened_at: Date
  closed_at: Date | null
  successor_protector_id: string | null
  rotation_id: string | null
  rotation_state: string | null
}

/** Oldest first: what has been open longest is the most urgent. */
export async function selectExposures(
  db: Kysely<Database>,
  filter: {
    readonly reach: DeviceReach
    readonly state?: string | undefined
    readonly deviceId?: string | undefined
    readonly after?: { at: Date; id: string } | undefined
    readonly limit: number
  },
): Promise<ExposureRow[]> {
  const conditions = [withinReach(filter.reach, sql.ref('exposure.device_id'))]
  if (filter.state !== undefined) conditions.push(sql`exposure.state = ${filter.state}`)
  if (filter.deviceId !== undefined) conditions.push(sql`exposure.device_id = ${filter.deviceId}`)
  if (filter.after !== undefined) {
    const { at, id } = filter.after
    conditions.push(sql`(exposure.opened_at, exposure.id) > (${at}, ${id})`)
  }
  const { rows } = await sql<ExposureRow>`
    select exposure.id, exposure.disclosure_id, exposure.device_id, key.volume_id,
           key.protector_id, exposure.state, exposure.opened_at, exposure.closed_at,
           successor.protector_id as successor_protector_id,
           newest.id as rotation_id, newest.state as rotation_state
      from exposure
      join recovery_key key on key.id = exposure.recovery_key_id
      left join recovery_key successor on successor.id = exposure.successor_key_id
      left join lateral (
        select rotation.id, rotation.state from rotation
         where rotation.recovery_key_id = exposure.recovery_key_id
         order by rotation.requested_at desc, rotation.attempt desc
         limit 1
      ) newest on true
     where ${sql.join(conditions, sql` and `)}
     order by exposure.opened_at, exposure.id
     limit ${filter.limit}`.execute(db)
  return rows
}
