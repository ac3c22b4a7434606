/** SQL of the rules of self-service. */

import { sql, type Kysely, type Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'

export interface PolicyRow {
  allowed_to_read_bitlocker_keys_for_owned_device: boolean
  requires_encryption: boolean
  seen_within_days: number | null
  key_id_must_be_typed: boolean
  hourly_limit: number | null
  daily_limit: number | null
  helpdesk_contact: string | null
}

/** `lock`: for a change. The row is always there: a migration made it. */
export async function selectPolicy(
  db: Kysely<Database>,
  options: { readonly lock: boolean } = { lock: false },
): Promise<PolicyRow> {
  const query = db
    .selectFrom('self_service_policy')
    .select([
      'allowed_to_read_bitlocker_keys_for_owned_device',
      'requires_encryption',
      'seen_within_days',
      'key_id_must_be_typed',
      'hourly_limit',
      'daily_limit',
      'helpdesk_contact',
    ])
  return await (options.lock ? query.forUpdate() : query).executeTakeFirstOrThrow()
}

export async function updatePolicy(
  trx: Transaction<Database>,
  policy: Partial<PolicyRow>,
  by: { readonly principalId: string; readonly now: Date },
): Promise<void> {
  await trx
    .updateTable('self_service_policy')
    .set({ ...policy, updated_at: by.now, updated_by: by.principalId })
    .execute()
}

export interface PolicyGroupRow {
  group_id: string
  display_name: string
  effect: string
}

/** Those of groups that still exist, by name. */
export async function selectPolicyGroups(db: Kysely<Database>): Promise<PolicyGroupRow[]> {
  return await db
    .selectFrom('self_service_group as self')
    .innerJoin('directory_group as grp', 'grp.id', 'self.group_id')
    .select(['self.group_id', 'grp.display_name', 'self.effect'])
    .where('grp.deleted_at', 'is', null)
    .orderBy(sql`lower(grp.display_name) collate "C"`)
    .orderBy('self.group_id')
    .execute()
}

/** Undefined: the group does not exist. `effect` is null where none is set. */
export async function lockPolicyGroup(
  trx: Transaction<Database>,
  groupId: string,
): Promise<{ effect: string | null } | undefined> {
  const { rows } = await sql<{ effect: string | null }>`
    select (select self.effect from self_service_group self where self.group_id = grp.id) as effect
      from directory_group grp
     where grp.id = ${groupId} and grp.deleted_at is null
       for no key update of grp`.execute(trx)
  return rows[0]
}

export async function upsertPolicyGroup(
  trx: Transaction<Database>,
  group: {
    readonly groupId: string
    readonly effect: 'allow' | 'deny'
    readonly principalId: string
    readonly now: Date
  },
): Promise<void> {
  await sql`
    insert into self_service_group (group_id, effect, updated_at, updated_by)
    values (${group.groupId}, ${group.effect}, ${group.now}, ${group.principalId})
    on conflict (group_id) do update
      set effect = excluded.effect, updated_at = excluded.updated_at,
          updated_by = excluded.updated_by`.execute(trx)
}

export async function deletePolicyGroup(
  trx: Transaction<Database>,
  groupId: string,
): Promise<void> {
  await trx.deleteFrom('self_service_group').where('group_id', '=', groupId).execute()
}
