/**
 * Puts devices into an administrative unit or device group with assigned members, and takes them
 * out. Devices that the principal may not see do not exist for him. Idempotent; each device that
 * comes or goes has an audit entry.
 */

import type { ChangedMembers, ChangeMembers } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import type { PrincipalActor } from '../access/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { requireAuthorityOverDevices, setEntry } from './change-device-set.ts'
import type { ChangedBy } from './changed-by.ts'
import {
  deleteMemberships,
  insertMemberships,
  lockDeviceSet,
  selectReachedDevices,
  type DeviceSetKind,
} from './device-set-queries.ts'
import { unknownDeviceSet } from './list-device-sets.ts'

/**
 * A device in both lists is a member afterwards. Throws AppError NOT_FOUND for the set or a device
 * to be added, MEMBERS_BY_RULE, FORBIDDEN.
 */
export async function changeDeviceSetMembers(
  trx: Transaction<Database>,
  by: ChangedBy & { readonly principal: PrincipalActor },
  { kind, id }: { readonly kind: DeviceSetKind; readonly id: string },
  { add = [], remove = [] }: ChangeMembers,
): Promise<ChangedMembers> {
  const set = await lockDeviceSet(trx, kind, id)
  if (set === undefined) throw unknownDeviceSet(kind)
  if (set.membership_rule !== null) {
    throw new AppError('MEMBERS_BY_RULE', 'Change the rule, or take it away to assign members.')
  }
  await requireAuthorityOverDevices(trx, by, set)
  const reach = by.principal.grants.reach('microsoft.directory/devices/standard/read')
  const reached = new Set(await selectReachedDevices(trx, [...add, ...remove], reach))
  const missing = add.find((deviceId) => !reached.has(deviceId))
  if (missing !== undefined) {
    throw new AppError('NOT_FOUND', `There is no device with the ID ${missing}.`)
  }
  const staying = new Set(add)
  const memberships = (ids: Iterable<string>) =>
    [...new Set(ids)].map((deviceId) => ({ device_set_id: id, device_id: deviceId }))
  const removed = await deleteMemberships(
    trx,
    memberships(remove.filter((deviceId) => reached.has(deviceId) && !staying.has(deviceId))),
  )
  const added = await insertMemberships(trx, memberships(staying), by.now)
  await appendAudit(trx, [
    ...removed.map(({ device_id }) => setEntry(by, set, 'removeDevice', { deviceId: device_id })),
    ...added.map(({ device_id }) => setEntry(by, set, 'addDevice', { deviceId: device_id })),
  ])
  return { added: added.length, removed: removed.length }
}
