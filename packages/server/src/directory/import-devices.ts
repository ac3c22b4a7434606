/**
 * Takes owners, administrative units and device groups of known devices from a CSV file. A device
 * is never made by it: it enrols. Devices that the principal may not see do not exist for him.
 */

import type { DEVICE_CSV_COLUMNS, ImportResult, PermissionName } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import type { PrincipalActor } from '../access/actor.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { setEntry } from './change-device-set.ts'
import { changeOwners } from './change-owner.ts'
import type { ChangedBy } from './changed-by.ts'
import { shareUserIds } from './csv-queries.ts'
import { deleteMemberships, insertMemberships, selectReachedDevices } from './device-set-queries.ts'
import { findDevices, type FoundDevice } from './find-devices.ts'
import type { ImportErrors } from './import-errors.ts'
import { planSets, type SetChange } from './plan-sets.ts'
import type { CsvRow } from './read-csv.ts'
import { batchesOf, runImport, type ImportCounts } from './run-import.ts'
import { READ_KEYS } from './set-owner.ts'

export type DeviceCsvRow = CsvRow<(typeof DEVICE_CSV_COLUMNS)[number]>

export interface DeviceImport {
  readonly by: ChangedBy & { readonly principal: PrincipalActor }
  readonly errors: ImportErrors
  readonly isDryRun: boolean
}

/** Everything that a row is to blame for is in the result. */
export async function importDevices(
  deps: Deps,
  rows: readonly DeviceCsvRow[],
  wanted: DeviceImport,
): Promise<ImportResult> {
  return await runImport(deps, wanted, async (trx) => await apply(deps, trx, rows, wanted))
}

async function apply(
  deps: Deps,
  trx: Transaction<Database>,
  rows: readonly DeviceCsvRow[],
  wanted: DeviceImport,
): Promise<ImportCounts> {
  const { by, errors } = wanted
  const devices = await findDevices(trx, rows, wanted)
  const owners = await planOwners(trx, devices, wanted)
  // As by hand.
  if (owners.some(({ ownerId }) => ownerId !== undefined)) requireRecentSignIn(deps, by.principal)
  const sets = await planSets(trx, devices, wanted)
  const changed = new Set(
    [...owners, ...sets.added, ...sets.removed].map(({ deviceId }) => deviceId),
  )
  if (errors.count === 0) {
    // In the order in which everybody locks several devices.
    const sorted = owners.toSorted((a, b) => (a.deviceId < b.deviceId ? -1 : 1))
    for (const batch of batchesOf(sorted)) await changeOwners(trx, by, batch, 'import')
    await writeSets(trx, sets, by)
  }
  return { created: 0, updated: changed.size, unchanged: devices.length - changed.size }
}

interface PlannedOwner {
  readonly deviceId: string
  readonly ownerId: string | undefined
}

/**
 * Those that differ from what is so now, by the rules of `setOwner`. Whoever may not change an
 * owner learns nothing from a dry run: neither who it is, nor whether there is a user of that name.
 */
async function planOwners(
  trx: Transaction<Database>,
  devices: readonly FoundDevice[],
  { by, errors }: DeviceImport,
): Promise<PlannedOwner[]> {
  const named = devices.filter(({ row }) => row.fields.owner !== undefined)
  const nameOf = ({ row }: FoundDevice): string => (row.fields.owner ?? '').toLowerCase()
  const { grants } = by.principal
  const reached = async (permission: PermissionName): Promise<ReadonlySet<string>> => {
    const ids = named.map(({ device }) => device.id)
    return new Set(await selectReachedDevices(trx, ids, grants.reach(permission)))
  }
  const changeable = await reached('microsoft.directory/devices/registeredOwners/update')
  const readable = await reached(READ_KEYS)
  const permitted = named.filter((found) => {
    const { device, row } = found
    if (!changeable.has(device.id)) {
      errors.add(row.line, 'You may not change the owner of this device.', 'owner')
      return false
    }
    if (nameOf(found) === '' || readable.has(device.id)) return true
    errors.add(row.line, `To name an owner needs the permission ${READ_KEYS} too.`, 'owner')
    return false
  })
  const userIds = await shareUserIds(trx, [...new Set(permitted.map(nameOf))])
  return permitted.flatMap((found) => {
    const { device, row } = found
    const ownerId = userIds.get(nameOf(found))
    if (ownerId === undefined && nameOf(found) !== '') {
      errors.add(row.line, 'There is no user with this principal name.', 'owner')
      return []
    }
    if ((ownerId ?? null) === device.owner_id) return []
    if (ownerId === by.principal.id) {
      errors.add(row.line, 'Somebody else has to make you its owner.', 'owner')
      return []
    }
    return [{ deviceId: device.id, ownerId }]
  })
}

async function writeSets(
  trx: Transaction<Database>,
  {
    added,
    removed,
  }: { readonly added: readonly SetChange[]; readonly removed: readonly SetChange[] },
  by: ChangedBy,
): Promise<void> {
  const memberships = (changes: readonly SetChange[]) =>
    changes.map(({ deviceId, set }) => ({ device_set_id: set.id, device_id: deviceId }))
  for (const batch of batchesOf(removed)) await deleteMemberships(trx, memberships(batch))
  for (const batch of batchesOf(added)) await insertMemberships(trx, memberships(batch), by.now)
  const entries = [
    ...removed.map(({ deviceId, set }) => setEntry(by, set, 'removeDevice', { deviceId })),
    ...added.map(({ deviceId, set }) => setEntry(by, set, 'addDevice', { deviceId })),
  ]
  for (const batch of batchesOf(entries)) await appendAudit(trx, batch)
}
