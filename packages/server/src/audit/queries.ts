/** SQL of the audit log. Entries are only ever inserted; triggers refuse everything else. */

import { sql, type Kysely, type Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'
import type { NewAuditEntry } from './append-audit.ts'

/** Inserts entries together with their place in the queue of those without an index. */
export async function insertAuditEntries(
  trx: Transaction<Database>,
  entries: readonly NewAuditEntry[],
): Promise<readonly number[]> {
  const rows = entries.map((entry) => ({
    occurred_at: entry.occurredAt.toISOString(),
    action: entry.action,
    outcome: entry.outcome,
    actor_type: entry.actor.type,
    actor_id: 'id' in entry.actor ? entry.actor.id : null,
    actor_name: 'name' in entry.actor ? (entry.actor.name ?? null) : null,
    device_id: entry.deviceId ?? null,
    volume_id: entry.volumeId ?? null,
    recovery_key_id: entry.recoveryKeyId ?? null,
    request_id: entry.requestId ?? null,
    detail: entry.detail ?? {},
  }))
  const inserted = await sql<{ entry_id: number }>`
    with entry as (
      insert into audit_entry (occurred_at, action, outcome, actor_type, actor_id, actor_name,
                               device_id, volume_id, recovery_key_id, request_id, detail)
      select occurred_at, action, outcome, actor_type, actor_id, actor_name,
             device_id, volume_id, recovery_key_id, request_id, detail
        from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as input (
          occurred_at timestamptz, action text, outcome text, actor_type text, actor_id text,
          actor_name text, device_id uuid, volume_id uuid, recovery_key_id uuid, request_id text,
          detail jsonb)
      returning id
    )
    insert into audit_pending (entry_id) select id from entry returning entry_id`.execute(trx)
  return inserted.rows.map((row) => row.entry_id).toSorted((a, b) => a - b)
}

/** Advisory lock of the sequencer, by convention of this program: "KDaudit" as bytes. */
const SEQUENCER_LOCK = '21183411741485428'

/** Whether this transaction is the only one that may give indexes, until it ends. */
export async function tryLockSequencer(trx: Transaction<Database>): Promise<boolean> {
  const { rows } = await sql<{ locked: boolean }>`
    select pg_try_advisory_xact_lock(${SEQUENCER_LOCK}::bigint) as locked`.execute(trx)
  return rows[0]?.locked === true
}

/**
 * Gives the oldest entries without an index the next indexes. Only under the sequencer's lock, and
 * in a statement after the one that took it, so that its snapshot has every index given before.
 */
export async function indexPending(
  trx: Transaction<Database>,
  options: { readonly limit: number; readonly now: Date },
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with batch as (
      delete from audit_pending
       where entry_id in (
         select entry_id from audit_pending order by entry_id limit ${options.limit})
      returning entry_id
    ), placed as (
      insert into audit_index (entry_index, entry_id, indexed_at)
      select (select coalesce(max(entry_index), -1) from audit_index)
               + row_number() over (order by entry_id),
             entry_id, ${options.now}
        from batch
      returning 1
    )
    select count(*) as count from placed`.execute(trx)
  return rows[0]?.count ?? 0
}

export interface AuditRow {
  entry_index: number
  id: number
  occurred_at: Date
  action: string
  outcome: string
  actor_type: string
  actor_id: string | null
  actor_name: string | null
  device_id: string | null
  volume_id: string | null
  recovery_key_id: string | null
  request_id: string | null
  detail: unknown
}

export async function selectEntries(
  db: Kysely<Database>,
  options: { readonly after: number; readonly limit: number },
): Promise<AuditRow[]> {
  return await db
    .selectFrom('audit_index')
    .innerJoin('audit_entry', 'audit_entry.id', 'audit_index.entry_id')
    .select([
      'audit_index.entry_index',
      'audit_entry.id',
      'audit_entry.occurred_at',
      'audit_entry.action',
      'audit_entry.outcome',
      'audit_entry.actor_type',
      'audit_entry.actor_id',
      'audit_entry.actor_name',
      'audit_entry.device_id',
      'audit_entry.volume_id',
      'audit_entry.recovery_key_id',
      'audit_entry.request_id',
      'audit_entry.detail',
    ])
    .where('audit_index.entry_index', '>', options.after)
    .orderBy('audit_index.entry_index')
    .limit(options.limit)
    .execute()
}
