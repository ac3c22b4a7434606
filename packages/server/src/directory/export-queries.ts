/** SQL of exports: page after page by ID, each with a statement of its own. */

import { sql, type Kysely } from 'kysely'
import type { DeviceReach } from '../access/grants.ts'
import { withinReach } from '../access/within-reach.ts'
import type { Database } from '../db/schema.ts'
import type { ImportedUser } from './csv-queries.ts'

const PAGE_SIZE = 2000
const FIRST_ID = '00000000-0000-0000-0000-000000000000'

export async function* selectUsersToExport(
  db: Kysely<Database>,
): AsyncGenerator<readonly ImportedUser[]> {
  let after = FIRST_ID
  for (;;) {
    const { rows } = await sql<ImportedUser>`
      select id, user_principal_name, display_name, given_name, family_name, mail, department,
             is_active
        from directory_user where deleted_at is null and id > ${after}
       order by id limit ${PAGE_SIZE}`.execute(db)
    yield rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE_SIZE) return
    after = last.id
  }
}

export interface GroupToExportRow {
  readonly id: string
  readonly display_name: string
  readonly description: string | null
  readonly user_id: string
  readonly user_principal_name: string | null
}

/** One row for each member; a group without any has one row. */
export async function* selectGroupsToExport(
  db: Kysely<Database>,
): AsyncGenerator<readonly GroupToExportRow[]> {
  let after = { groupId: FIRST_ID, userId: FIRST_ID }
  for (;;) {
    const { rows } = await sql<GroupToExportRow>`
      select grp.id, grp.display_name, grp.description,
             coalesce(member.user_id, ${FIRST_ID}::uuid) as user_id, person.user_principal_name
        from directory_group grp
        left join group_member member on member.group_id = grp.id
        left join directory_user person on person.id = member.user_id
       where grp.deleted_at is null and grp.id >= ${after.groupId}
         and (grp.id, coalesce(member.user_id, ${FIRST_ID}::uuid))
             > (${after.groupId}, ${after.userId})
       order by grp.id, user_id limit ${PAGE_SIZE}`.execute(db)
    yield rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE_SIZE) return
    after = { groupId: last.id, userId: last.user_id }
  }
}

export interface DeviceToExportRow {
  readonly id: string
  readonly name: string
  readonly serial_number: string | null
  readonly owner: string | null
  readonly units: readonly string[]
  readonly groups: readonly string[]
}

/** Sets with assigned members only. */
export async function* selectDevicesToExport(
  db: Kysely<Database>,
  reaches: readonly DeviceReach[],
): AsyncGenerator<readonly DeviceToExportRow[]> {
  const conditions = reaches.map((reach) => withinReach(reach, sql.ref('device.id')))
  const assigned = (kind: string) => sql`
    array(select device_set.display_name
            from device_set_member member join device_set on device_set.id = member.device_set_id
           where member.device_id = device.id and device_set.kind = ${kind}
             and device_set.membership_rule is null
           order by device_set.display_name)`
  let after = FIRST_ID
  for (;;) {
    const { rows } = await sql<DeviceToExportRow>`
      select device.id, device.name, device.serial_number,
             owner.user_principal_name as owner,
             ${assigned('administrativeUnit')} as units, ${assigned('deviceGroup')} as groups
        from device left join directory_user owner on owner.id = device.owner_id
       where device.id > ${after} and ${sql.join(conditions, sql` and `)}
       order by device.id limit ${PAGE_SIZE}`.execute(db)
    yield rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE_SIZE) return
    after = last.id
  }
}
