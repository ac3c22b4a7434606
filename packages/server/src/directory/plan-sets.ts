/** Which devices of a CSV file come into which units and groups, and which leave them. */

import { DEVICE_SET_SEPARATOR, type PermissionName } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { reachesEverywhere } from '../access/grants.ts'
import type { Database } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { requireAuthorityOverDevices } from './change-device-set.ts'
import { lockSets, selectAssignedSets, type NamedSetRow } from './csv-queries.ts'
import type { DeviceSetKind } from './device-set-queries.ts'
import type { FoundDevice } from './find-devices.ts'
import type { DeviceCsvRow, DeviceImport } from './import-devices.ts'
import { DEVICE_SET_WORDS } from './list-device-sets.ts'

export interface SetChange {
  readonly deviceId: string
  readonly line: number
  readonly set: Pick<NamedSetRow, 'id' | 'kind' | 'display_name'>
}

const COLUMNS = [
  {
    kind: 'administrativeUnit',
    column: 'administrativeUnits',
    permission: 'microsoft.directory/administrativeUnits/allProperties/allTasks',
  },
  { kind: 'deviceGroup', column: 'deviceGroups', permission: 'keydesk/deviceGroups/manage' },
] as const satisfies readonly {
  kind: DeviceSetKind
  column: string
  permission: PermissionName
}[]

export async function planSets(
  trx: Transaction<Database>,
  devices: readonly FoundDevice[],
  { by, errors }: DeviceImport,
): Promise<{ added: SetChange[]; removed: SetChange[] }> {
  const used = COLUMNS.filter(({ column }) =>
    devices.some(({ row }) => row.fields[column] !== undefined),
  )
  const added: SetChange[] = []
  const removed: SetChange[] = []
  if (used.length === 0) return { added, removed }
  const forbidden = used.find(
    ({ permission }) => !reachesEverywhere(by.principal.grants.reach(permission)),
  )
  if (forbidden !== undefined) {
    const line = devices[0]?.row.line ?? 1
    errors.add(line, `This needs the permission ${forbidden.permission}.`, forbidden.column)
    return { added, removed }
  }
  const names = used.flatMap(({ column }) => devices.flatMap(({ row }) => namesIn(row, column)))
  const sets = new Map(
    (await lockSets(trx, [...new Set(names)])).map((set) => [`${set.kind} ${set.name}`, set]),
  )
  const current = Map.groupBy(
    await selectAssignedSets(
      trx,
      devices.map(({ device }) => device.id),
    ),
    ({ device_id, kind }) => `${kind} ${device_id}`,
  )
  for (const { kind, column } of used) {
    for (const { row, device } of devices) {
      if (row.fields[column] === undefined) continue
      const wanted = new Map<string, NamedSetRow>()
      for (const name of namesIn(row, column)) {
        const set = sets.get(`${kind} ${name}`)
        if (set === undefined) {
          errors.add(row.line, `There is no ${DEVICE_SET_WORDS[kind]} with this name.`, column)
        } else if (set.membership_rule !== null) {
          errors.add(row.line, `A rule decides on this ${DEVICE_SET_WORDS[kind]}.`, column)
        } else wanted.set(set.id, set)
      }
      const place = { deviceId: device.id, line: row.line }
      const before = current.get(`${kind} ${device.id}`) ?? []
      const beforeIds = new Set(before.map(({ device_set_id }) => device_set_id))
      for (const set of wanted.values()) if (!beforeIds.has(set.id)) added.push({ ...place, set })
      for (const { device_set_id: id, display_name } of before) {
        if (!wanted.has(id)) removed.push({ ...place, set: { id, kind, display_name } })
      }
    }
  }
  await refuseWithoutAuthority(trx, [...added, ...removed], { by, errors })
  return { added, removed }
}

const COLUMN_OF = {
  administrativeUnit: 'administrativeUnits',
  deviceGroup: 'deviceGroups',
} as const satisfies Record<DeviceSetKind, string>

/** In lower case. */
function namesIn(row: DeviceCsvRow, column: (typeof COLUMNS)[number]['column']): string[] {
  return (row.fields[column] ?? '')
    .split(DEVICE_SET_SEPARATOR)
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
}

async function refuseWithoutAuthority(
  trx: Transaction<Database>,
  changes: readonly SetChange[],
  { by, errors }: Pick<DeviceImport, 'by' | 'errors'>,
): Promise<void> {
  const first = new Map(changes.toReversed().map((change) => [change.set.id, change]))
  for (const { set, line } of first.values()) {
    try {
      await requireAuthorityOverDevices(trx, by, set)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      errors.add(line, error.message, COLUMN_OF[set.kind])
    }
  }
}
