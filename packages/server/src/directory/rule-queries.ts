/** SQL of membership by rule. */

import { sql, type Kysely, type Transaction } from 'kysely'
import type { DeviceReach } from '../access/grants.ts'
import { withinReach } from '../access/within-reach.ts'
import type { Database } from '../db/schema.ts'
import type { DeviceSetKind } from './device-set-queries.ts'
import type { RuleFacts } from './membership-rule.ts'

/** Advisory lock, by convention of this program: any number that no other lock of ours has. */
const RULES_LOCK = '21183411741485450'

/**
 * Alone: no device is being placed, and none will be before the transaction ends. What was placed
 * before is committed, and seen by every statement after this one.
 */
export async function lockRules(trx: Transaction<Database>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${RULES_LOCK}::bigint)`.execute(trx)
}

/**
 * Together with others who place devices: no rule changes before the transaction ends. The rules
 * are to be read after this.
 */
export async function shareRules(trx: Transaction<Database>): Promise<void> {
  await sql`select pg_advisory_xact_lock_shared(${RULES_LOCK}::bigint)`.execute(trx)
}

export interface RuledSetRow {
  id: string
  kind: DeviceSetKind
  display_name: string
  membership_rule: string
}

export async function selectRuledSets(trx: Transaction<Database>): Promise<RuledSetRow[]> {
  const { rows } = await sql<RuledSetRow>`
    select id, kind, display_name, membership_rule
      from device_set where membership_rule is not null`.execute(trx)
  return rows
}

export async function countRuledSets(trx: Transaction<Database>): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from device_set where membership_rule is not null`.execute(trx)
  return rows[0]?.count ?? 0
}

export interface RuleFactsRow extends RuleFacts {
  readonly id: string
}

const FACTS = sql`
  device.id, device.name, device.serial_number, device.manufacturer, device.model,
  device.os_version, device.os_build, device.join_type, device.group_name`

export async function selectFactsOfDevice(
  trx: Transaction<Database>,
  deviceId: string,
): Promise<RuleFactsRow | undefined> {
  const { rows } = await sql<RuleFactsRow>`
    select ${FACTS} from device where device.id = ${deviceId}`.execute(trx)
  return rows[0]
}

const BATCH_SIZE = 10_000

/** Every device within the reach, in the order of the IDs, some thousands at a time. */
export async function* selectFactsInBatches(
  db: Kysely<Database>,
  reach?: DeviceReach,
): AsyncGenerator<readonly RuleFactsRow[]> {
  const condition = reach === undefined ? sql`true` : withinReach(reach, sql.ref('device.id'))
  let after = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const { rows } = await sql<RuleFactsRow>`
      select ${FACTS} from device
       where device.id > ${after} and ${condition}
       order by device.id limit ${BATCH_SIZE}`.execute(db)
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows
    if (rows.length < BATCH_SIZE) return
    after = last.id
  }
}

/** Of the rule sets that a device is in. */
export async function selectRuledMemberships(
  trx: Transaction<Database>,
  deviceId: string,
): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ device_set_id: string }>`
    select member.device_set_id
      from device_set_member member join device_set on device_set.id = member.device_set_id
     where member.device_id = ${deviceId} and device_set.membership_rule is not null`.execute(trx)
  return new Set(rows.map(({ device_set_id }) => device_set_id))
}

/** Of these devices, exactly the selected ones are members of the set afterwards. */
export async function replaceMembers(
  trx: Transaction<Database>,
  deviceSetId: string,
  devices: { readonly ids: readonly string[]; readonly selectedIds: readonly string[] },
  now: Date,
): Promise<{ added: number; removed: number }> {
  const { rows } = await sql<{ added: number; removed: number }>`
    with selected as materialized (
      select unnest(${devices.selectedIds}::uuid[]) as id
    ), gone as (
      delete from device_set_member member
       where member.device_set_id = ${deviceSetId}
         and member.device_id = any(${devices.ids}::uuid[])
         and member.device_id not in (select id from selected)
      returning 1
    ), come as (
      insert into device_set_member (device_set_id, device_id, added_at)
      select ${deviceSetId}, id, ${now} from selected
      on conflict do nothing
      returning 1
    )
    select (select count(*) from come) as added, (select count(*) from gone) as removed
  `.execute(trx)
  return rows[0] ?? { added: 0, removed: 0 }
}
