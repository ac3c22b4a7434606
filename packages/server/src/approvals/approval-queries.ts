/** SQL of requests for approval. */

import { sql, type Kysely, type Transaction } from 'kysely'
import type { DeviceReach } from '../access/grants.ts'
import { withinReach } from '../access/within-reach.ts'
import type { Database } from '../db/schema.ts'

export interface ApprovalToUse {
  id: string
  recovery_key_id: number
  device_id: string
  requester_id: string
  kind: string
  reason_code: string
  reason_text: string | null
  ticket: string | null
  is_emergency: boolean
  state: string
  expires_at: Date | null
  decided_by: string | null
  /** Of the device, now. */
  current_owner_id: string | null
}

/** In the order of their IDs. They do not change from here to the end of the transaction. */
export async function lockApprovals(
  trx: Transaction<Database>,
  ids: readonly string[],
): Promise<ApprovalToUse[]> {
  const { rows } = await sql<ApprovalToUse>`
    select approval.id, approval.recovery_key_id, approval.device_id, approval.requester_id,
           approval.kind, approval.reason_code, approval.reason_text, approval.ticket,
           approval.is_emergency, approval.state, approval.expires_at, approval.decided_by,
           device.owner_id as current_owner_id
      from approval_request approval join device on device.id = approval.device_id
     where approval.id = any(${ids}::uuid[])
     order by approval.id
       for update of approval`.execute(trx)
  return rows
}

/** They must be locked and approved. */
export async function useApprovals(
  trx: Transaction<Database>,
  ids: readonly string[],
  now: Date,
): Promise<void> {
  if (ids.length === 0) return
  const { numAffectedRows } = await sql`
    update approval_request set state = 'used', used_at = ${now}
     where id = any(${ids}::uuid[]) and state = 'approved'`.execute(trx)
  if (numAffectedRows !== BigInt(ids.length)) throw new Error('an approval cannot be used up')
}

export interface NewApproval {
  readonly id: string
  readonly keyId: number
  readonly deviceId: string
  readonly requesterId: string
  readonly kind: string
  readonly reasonCode: string
  readonly reasonText: string | undefined
  readonly ticket: string | undefined
  readonly requestedAt: Date
  /** Undefined: an emergency, which waits for its review. */
  readonly expiresAt: Date | undefined
}

export async function insertApproval(
  trx: Transaction<Database>,
  approval: NewApproval,
): Promise<void> {
  await trx
    .insertInto('approval_request')
    .values({
      id: approval.id,
      recovery_key_id: approval.keyId,
      device_id: approval.deviceId,
      requester_id: approval.requesterId,
      kind: approval.kind,
      reason_code: approval.reasonCode,
      reason_text: approval.reasonText ?? null,
      ticket: approval.ticket ?? null,
      is_emergency: approval.expiresAt === undefined,
      state: approval.expiresAt === undefined ? 'awaitingReview' : 'pending',
      requested_at: approval.requestedAt,
      expires_at: approval.expiresAt ?? null,
    })
    .execute()
}

/** Requests of one requester wait for each other, so that counting the open ones is exact. */
export async function countOpenApprovals(
  trx: Transaction<Database>,
  requesterId: string,
  now: Date,
): Promise<number> {
  await sql`select pg_advisory_xact_lock(
    hashtextextended(${`approval requests ${requesterId}`}, 0))`.execute(trx)
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from approval_request
     where requester_id = ${requesterId} and state = 'pending' and expires_at > ${now}`.execute(trx)
  return rows[0]?.count ?? 0
}

/** Emergencies of each of these people that wait for their review. None: no entry. */
export async function countUnreviewedEmergencies(
  trx: Transaction<Database>,
  requesterIds: readonly string[],
): Promise<Map<string, number>> {
  if (requesterIds.length === 0) return new Map()
  const { rows } = await sql<{ requester_id: string; count: number }>`
    select requester_id, count(*) as count from approval_request
     where requester_id = any(${requesterIds}::uuid[]) and state = 'awaitingReview'
     group by requester_id`.execute(trx)
  return new Map(rows.map(({ requester_id, count }) => [requester_id, count]))
}

export interface ApprovalRow {
  id: string
  protector_id: string
  volume_id: string
  device_id: string
  device_name: string
  device_owner_id: string | null
  requester_id: string
  requester_type: string
  requester_name: string
  reason_code: string
  reason_text: string | null
  ticket: string | null
  is_emergency: boolean
  state: string
  requested_at: Date
  expires_at: Date | null
  decided_by: string | null
  decided_by_name: string | null
  decided_at: Date | null
  decision_comment: string | null
}

export interface ApprovalFilter {
  readonly id?: string | undefined
  readonly requesterId: string
  /** Undefined: only those of the requester. Several: any of them. */
  readonly reaches: readonly DeviceReach[]
  /** As `approvalState` says it. */
  readonly state?: string | undefined
  readonly after?: { at: Date; id: string } | undefined
  readonly limit: number
  readonly now: Date
}

/** What has run out of time is `expired`, whatever its row says. */
const currentState = (now: Date) => sql<string>`
  case when approval.state in ('pending', 'approved') and approval.expires_at <= ${now}
       then 'expired' else approval.state end`

/** Oldest first. Those of the requester, and those within the reach. */
export async function selectApprovals(
  db: Kysely<Database>,
  filter: ApprovalFilter,
): Promise<ApprovalRow[]> {
  const state = currentState(filter.now)
  const visible = [
    sql`approval.requester_id = ${filter.requesterId}`,
    ...filter.reaches.map((reach) => withinReach(reach, sql.ref('approval.device_id'))),
  ]
  const conditions = [sql`(${sql.join(visible, sql` or `)})`]
  if (filter.id !== undefined) conditions.push(sql`approval.id = ${filter.id}`)
  if (filter.state !== undefined) conditions.push(sql`${state} = ${filter.state}`)
  if (filter.after !== undefined) {
    const { at, id } = filter.after
    conditions.push(sql`(approval.requested_at, approval.id) > (${at}, ${id})`)
  }
  const { rows } = await sql<ApprovalRow>`
    select approval.id, key.protector_id, key.volume_id, approval.device_id,
           device.name as device_name, device.owner_id as device_owner_id,
           approval.requester_id, principal.type as requester_type,
           coalesce(requester.user_principal_name, program.display_name, '') as requester_name,
           approval.reason_code, approval.reason_text, approval.ticket, approval.is_emergency,
           ${state} as state, approval.requested_at, approval.expires_at, approval.decided_by,
           approver.user_principal_name as decided_by_name, approval.decided_at,
           approval.decision_comment
      from approval_request approval
      join recovery_key key on key.id = approval.recovery_key_id
      join device on device.id = approval.device_id
      join principal on principal.id = approval.requester_id
      left join directory_user requester on requester.id = approval.requester_id
      left join app program on program.id = approval.requester_id
      left join directory_user approver on approver.id = approval.decided_by
     where ${sql.join(conditions, sql` and `)}
     order by approval.requested_at, approval.id
     limit ${filter.limit}`.execute(db)
  return rows
}

/**
 * Closes a request from one of the states. False: it was in another one, or had expired. The
 * database refuses an approver who asked for it himself or owns the device.
 */
export async function decideApproval(
  trx: Transaction<Database>,
  decision: {
    readonly id: string
    readonly from: 'pending' | 'awaitingReview'
    readonly state: string
    readonly approverId: string
    readonly comment: string | undefined
    readonly now: Date
  },
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update approval_request
       set state = ${decision.state}, decided_by = ${decision.approverId},
           decided_at = ${decision.now}, decision_comment = ${decision.comment ?? null}
     where id = ${decision.id} and state = ${decision.from}
       and (expires_at is null or expires_at > ${decision.now})`.execute(trx)
  return numAffectedRows === 1n
}

/**
 * Whether the person registered this app, or ever made a secret or key for it, himself or by way of
 * an app of which that is so. False for whoever asks as a person.
 */
export async function isMakerOfApp(
  db: Kysely<Database>,
  { appId, personId }: { readonly appId: string; readonly personId: string },
): Promise<boolean> {
  const { rows } = await sql`
    with recursive maker (id) as (
      select app.id from app where app.id = ${appId}
      union
      select made.created_by
        from maker
        join (select id, created_by from app
              union all
              select app_id, created_by from app_credential) made on made.id = maker.id
       where made.created_by is not null
    )
    select from maker where maker.id = ${personId}`.execute(db)
  return rows.length > 0
}

/** False: it was already closed. */
export async function cancelApproval(trx: Transaction<Database>, id: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update approval_request set state = 'cancelled'
     where id = ${id} and state in ('pending', 'approved')`.execute(trx)
  return numAffectedRows === 1n
}
