/** SQL of the rules that demand a second person. */

import { sql, type Kysely, type Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'

export interface ApprovalRuleRow {
  id: string
  device_set_id: string | null
  device_set_kind: string | null
  device_set_name: string | null
  role_id: string | null
  role_name: string | null
  created_at: Date
}

/** Oldest first; one where an ID is given. */
export async function selectApprovalRules(
  db: Kysely<Database>,
  filter: { readonly id?: string; readonly limit: number },
): Promise<ApprovalRuleRow[]> {
  const { rows } = await sql<ApprovalRuleRow>`
    select rule.id, rule.device_set_id, device_set.kind as device_set_kind,
           device_set.display_name as device_set_name, rule.role_id,
           role.display_name as role_name, rule.created_at
      from approval_rule rule
      left join device_set on device_set.id = rule.device_set_id
      left join role_definition role on role.id = rule.role_id
     where ${filter.id === undefined ? sql`true` : sql`rule.id = ${filter.id}`}
     order by rule.created_at, rule.id
     limit ${filter.limit}`.execute(db)
  return rows
}

/** Rules are made one after the other from here on, so that counting them is exact. */
export async function countApprovalRules(trx: Transaction<Database>): Promise<number> {
  await sql`lock table approval_rule in share row exclusive mode`.execute(trx)
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from approval_rule`.execute(trx)
  return rows[0]?.count ?? 0
}

/** False: there is one about the same already. */
export async function insertApprovalRule(
  trx: Transaction<Database>,
  rule: {
    readonly id: string
    readonly deviceSetId: string | undefined
    readonly roleId: string | undefined
    readonly createdBy: string
    readonly createdAt: Date
  },
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await trx
    .insertInto('approval_rule')
    .values({
      id: rule.id,
      device_set_id: rule.deviceSetId ?? null,
      role_id: rule.roleId ?? null,
      created_by: rule.createdBy,
      created_at: rule.createdAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow()
  return numInsertedOrUpdatedRows === 1n
}

/** False: there is none with this ID. */
export async function deleteApprovalRule(trx: Transaction<Database>, id: string): Promise<boolean> {
  const { numDeletedRows } = await trx
    .deleteFrom('approval_rule')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}

export async function existsDeviceSet(trx: Transaction<Database>, id: string): Promise<boolean> {
  const row = await trx
    .selectFrom('device_set')
    .select('id')
    .where('id', '=', id)
    .forKeyShare()
    .executeTakeFirst()
  return row !== undefined
}

export async function existsCustomRole(trx: Transaction<Database>, id: string): Promise<boolean> {
  const row = await trx
    .selectFrom('role_definition')
    .select('id')
    .where('id', '=', id)
    .forKeyShare()
    .executeTakeFirst()
  return row !== undefined
}

/** Whether the keys of a device need approval, whoever asks. */
export async function isApprovalDemanded(db: Kysely<Database>, deviceId: string): Promise<boolean> {
  const row = await db
    .selectFrom('approval_rule as rule')
    .innerJoin('device_set_member as member', 'member.device_set_id', 'rule.device_set_id')
    .select('rule.id')
    .where('member.device_id', '=', deviceId)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
