/** SQL of what bounds disclosures: approval rules, budgets, and how much of them is used. */

import { sql, type Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'

export interface BudgetRow {
  subject_type: 'principal' | 'role'
  subject_id: string
  soft_per_hour: number | null
  soft_per_day: number | null
  hard_per_hour: number | null
  hard_per_day: number | null
}

/** What the rules say about one wish. */
export interface DisclosureRules {
  /** Its device belongs to a unit or group whose keys need approval. */
  device_demands_approval: boolean
  /** Who asks holds a role whose holders need approval. */
  role_demands_approval: boolean
  /** Of who asks and of each role that he holds, directly or by a group. */
  budgets: BudgetRow[]
}

/** In the order of the wishes. One statement for all: it runs at every disclosure. */
export async function selectDisclosureRules(
  trx: Transaction<Database>,
  wishes: readonly { readonly principalId: string; readonly deviceId: string }[],
  now: Date,
): Promise<DisclosureRules[]> {
  const input = wishes.map(({ principalId, deviceId }, place) => ({
    place,
    principal_id: principalId,
    device_id: deviceId,
  }))
  const { rows } = await sql<DisclosureRules>`
    with wish as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(input)}::jsonb)
        as row (place integer, principal_id uuid, device_id uuid)
    ), holder as (
      select principal_id, principal_id as holder_id from wish
      union
      select wish.principal_id, member.group_id
        from wish
        join group_member member on member.user_id = wish.principal_id
        join directory_group grp on grp.id = member.group_id and grp.deleted_at is null
    ), held as materialized (
      select distinct holder.principal_id, assignment.role_id
        from holder join role_assignment assignment on assignment.principal_id = holder.holder_id
       where assignment.effect = 'allow'
         and (assignment.expires_at is null or assignment.expires_at > ${now})
    ), budget as materialized (
      select wish.principal_id as asked_by, subject_type, subject_id, soft_per_hour,
             soft_per_day, hard_per_hour, hard_per_day
        from (select distinct principal_id from wish) wish
        join disclosure_budget on
          (subject_type = 'principal' and subject_id = wish.principal_id)
          or (subject_type = 'role' and exists (
            select from held where held.principal_id = wish.principal_id
                               and held.role_id = subject_id))
    )
    select
      exists (select from approval_rule rule
                join device_set_member member on member.device_set_id = rule.device_set_id
               where member.device_id = wish.device_id) as device_demands_approval,
      exists (select from approval_rule rule
                join held on held.role_id = rule.role_id
               where held.principal_id = wish.principal_id) as role_demands_approval,
      (select coalesce(jsonb_agg(to_jsonb(budget)), '[]') from budget
        where budget.asked_by = wish.principal_id) as budgets
      from wish
     order by wish.place`.execute(trx)
  return rows
}

/**
 * Disclosures of these people and programs wait from here to the end of the transaction, so that
 * counting them is exact. In one order, so that two batches cannot deadlock.
 */
export async function lockBudgets(
  trx: Transaction<Database>,
  principalIds: readonly string[],
): Promise<void> {
  const names = [...new Set(principalIds)].map((id) => `disclosure budget ${id}`).toSorted()
  await sql`
    select pg_advisory_xact_lock(hashtextextended(name, 0))
      from unnest(${names}::text[]) with ordinality as budget (name, place)
     order by place`.execute(trx)
}

/** Disclosures of one principal, as owner or otherwise, within one window that ends now. */
export interface BudgetUse {
  principal_id: string
  is_self_service: boolean
  window_seconds: number
  count: number
  first: Date
  last: Date
}

/** Those that failed later count too. No row: none. */
export async function selectBudgetUse(
  trx: Transaction<Database>,
  principalIds: readonly string[],
  windows: readonly number[],
  now: Date,
): Promise<BudgetUse[]> {
  const longest = new Date(now.getTime() - Math.max(...windows) * 1000)
  const { rows } = await sql<BudgetUse>`
    select disclosure.principal_id, disclosure.kind = 'ownership' as is_self_service,
           span.seconds as window_seconds, count(*) as count,
           min(disclosure.requested_at) as first, max(disclosure.requested_at) as last
      from disclosure
      join unnest(${windows}::integer[]) as span (seconds)
        on disclosure.requested_at > ${now}::timestamptz - make_interval(secs => span.seconds)
     where disclosure.principal_id = any(${principalIds}::uuid[])
       and disclosure.requested_at > ${longest}
     group by 1, 2, 3`.execute(trx)
  return rows
}

export interface AlertKey {
  readonly principalId: string
  readonly isSelfService: boolean
  readonly windowSeconds: number
}

/** Whether this is the first alert of its kind within its window; remembers it. */
export async function claimAlert(
  trx: Transaction<Database>,
  { principalId, isSelfService, windowSeconds }: AlertKey,
  now: Date,
): Promise<boolean> {
  const { rows } = await sql`
    insert into disclosure_alert (principal_id, is_self_service, window_seconds, alerted_at)
    values (${principalId}, ${isSelfService}, ${windowSeconds}, ${now})
    on conflict (principal_id, is_self_service, window_seconds) do update
      set alerted_at = excluded.alerted_at
      where disclosure_alert.alerted_at
            <= excluded.alerted_at - make_interval(secs => excluded.window_seconds)
    returning 1`.execute(trx)
  return rows.length > 0
}
