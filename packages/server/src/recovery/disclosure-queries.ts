/** SQL of disclosures. */

import { sql, type Kysely, type Transaction } from 'kysely'
import type { DeviceReach } from '../access/grants.ts'
import { withinReach } from '../access/within-reach.ts'
import type { Database } from '../db/schema.ts'
import type { ProtectorRange } from './key-queries.ts'

export interface KeyToDisclose {
  id: number
  device_id: string
  device_name: string
  volume_id: string
  volume_type: string
  mount_point: string | null
  protector_id: string
  sealed_key: Buffer
  key_check: string
  receipt: string
}

/** A key that somebody may be shown, and on what terms. */
export interface FoundKey extends KeyToDisclose {
  /** Only with approval. */
  needs_approval: boolean
  may_in_emergency: boolean
}

/** For which devices somebody may be shown keys: at once, with approval, in an emergency. */
export interface DisclosureReach {
  readonly read: DeviceReach
  readonly withApproval: DeviceReach
  readonly inEmergency: DeviceReach
}

const KEY_COLUMNS = sql`
  key.id, key.device_id, device.name as device_name, key.volume_id, key.volume_type,
  key.mount_point, key.protector_id, key.sealed_key, key.key_check, key.receipt`

/**
 * Two devices may hold the same protector, for example after a disk moved: at most two rows, in no
 * order, since an order by ID makes PostgreSQL walk through all keys by ID.
 *
 * Whoever is denied reading a key is not helped by a role that reads it with approval.
 */
export async function selectKeysToDisclose(
  db: Kysely<Database>,
  wanted: { readonly recoveryKeyId: string; readonly deviceId?: string | undefined },
  { read, withApproval, inEmergency }: DisclosureReach,
): Promise<FoundKey[]> {
  const deviceId = sql.ref('key.device_id')
  const isRead = withinReach(read, deviceId)
  const isApproved = withinReach(withApproval, deviceId)
  const isDenied = withinReach({ allowed: read.denied, denied: NO_DEVICES }, deviceId)
  const ofDevice =
    wanted.deviceId === undefined ? sql`` : sql`and key.device_id = ${wanted.deviceId}`
  const { rows } = await sql<FoundKey>`
    select ${KEY_COLUMNS}, not ${isRead} as needs_approval,
           ${withinReach(inEmergency, deviceId)} as may_in_emergency
      from recovery_key key join device on device.id = key.device_id
     where key.protector_id = ${wanted.recoveryKeyId} ${ofDevice}
       and (${isRead} or (${isApproved} and not ${isDenied}))
     limit 2`.execute(db)
  return rows
}

const NO_DEVICES = { everywhere: false, unitIds: [], deviceIds: [] }

/** The keys of a device whose ID is in the range: at most two rows, of which one is wanted. */
export async function selectKeysOfDevice(
  db: Kysely<Database>,
  deviceId: string,
  { first, last }: ProtectorRange,
): Promise<KeyToDisclose[]> {
  const { rows } = await sql<KeyToDisclose>`
    select ${KEY_COLUMNS}
      from recovery_key key join device on device.id = key.device_id
     where key.device_id = ${deviceId} and key.protector_id between ${first} and ${last}
     limit 2`.execute(db)
  return rows
}

/** A device that stored a protector which is disclosed. */
export interface HolderOfKey {
  id: number
  device_id: string
  volume_id: string
  protector_id: string
  state: string
}

/**
 * Every row of these protectors of their volumes, through whichever device it was stored: a disk
 * that moved to another PC has one for each. Locked against a change of their state, in the order
 * of their IDs (`lockKeys` of the check-in says why), until the transaction ends.
 */
export async function lockHoldersOfKeys(
  trx: Transaction<Database>,
  keys: readonly { readonly volume_id: string; readonly protector_id: string }[],
): Promise<HolderOfKey[]> {
  const { rows } = await sql<HolderOfKey>`
    select key.id, key.device_id, key.volume_id, key.protector_id, key.state
      from recovery_key key
     where key.protector_id = any(${keys.map((key) => key.protector_id)}::uuid[])
       and (key.protector_id, key.volume_id) in (
         select * from unnest(${keys.map((key) => key.protector_id)}::uuid[],
                              ${keys.map((key) => key.volume_id)}::uuid[]))
     order by key.id
       for share of key`.execute(trx)
  return rows
}

/** Of these stored keys those that are active; locked as by `lockHoldersOfKeys`. */
export async function lockActiveKeys(
  trx: Transaction<Database>,
  keyIds: readonly number[],
): Promise<Pick<HolderOfKey, 'id' | 'device_id'>[]> {
  const { rows } = await sql<Pick<HolderOfKey, 'id' | 'device_id'>>`
    select key.id, key.device_id from recovery_key key
     where key.id = any(${keyIds}::bigint[]) and key.state = 'active'
     order by key.id
       for share of key`.execute(trx)
  return rows
}

export async function selectSealedKeys(
  db: Kysely<Database>,
  keyIds: readonly number[],
): Promise<KeyToDisclose[]> {
  if (keyIds.length === 0) return []
  const { rows } = await sql<KeyToDisclose>`
    select ${KEY_COLUMNS}
      from recovery_key key join device on device.id = key.device_id
     where key.id = any(${keyIds}::bigint[])`.execute(db)
  return rows
}

export interface NewDisclosure {
  readonly id: string
  readonly exposureId: string
  readonly keyId: number
  readonly deviceId: string
  readonly principalId: string
  readonly kind: string
  readonly approvalId: string | undefined
  readonly isEmergency: boolean
  readonly reasonCode: string
  readonly reasonText: string | undefined
  readonly ticket: string | undefined
  readonly requestedAt: Date
}

/** The disclosures and the exposures that they open: neither without the other. */
export async function insertDisclosures(
  trx: Transaction<Database>,
  disclosures: readonly NewDisclosure[],
): Promise<void> {
  const rows = disclosures.map((disclosure) => ({
    id: disclosure.id,
    exposure_id: disclosure.exposureId,
    recovery_key_id: disclosure.keyId,
    device_id: disclosure.deviceId,
    principal_id: disclosure.principalId,
    kind: disclosure.kind,
    approval_id: disclosure.approvalId ?? null,
    is_emergency: disclosure.isEmergency,
    reason_code: disclosure.reasonCode,
    reason_text: disclosure.reasonText ?? null,
    ticket: disclosure.ticket ?? null,
    requested_at: disclosure.requestedAt.toISOString(),
  }))
  await sql`
    with input as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as row (
        id uuid, exposure_id uuid, recovery_key_id bigint, device_id uuid, principal_id uuid,
        kind text, approval_id uuid, is_emergency boolean, reason_code text,
        reason_text text, ticket text, requested_at timestamptz)
    ), disclosed as (
      insert into disclosure (id, recovery_key_id, principal_id, kind, approval_id, is_emergency,
                              reason_code, reason_text, ticket, state, requested_at)
      select id, recovery_key_id, principal_id, kind, approval_id, is_emergency,
             reason_code, reason_text, ticket, 'requested', requested_at
        from input
    )
    insert into exposure (id, disclosure_id, recovery_key_id, device_id, state, opened_at)
    select exposure_id, id, recovery_key_id, device_id, 'open', requested_at
      from input`.execute(trx)
}

export async function finishDisclosures(
  trx: Transaction<Database>,
  outcomes: readonly { readonly id: string; readonly state: 'shown' | 'failed' }[],
  now: Date,
): Promise<void> {
  await sql`
    update disclosure set state = outcome.state, finished_at = ${now}
      from jsonb_to_recordset(${JSON.stringify(outcomes)}::jsonb) as outcome (id uuid, state text)
     where disclosure.id = outcome.id and disclosure.state = 'requested'`.execute(trx)
}
