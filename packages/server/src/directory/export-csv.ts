/**
 * Users, groups and devices as CSV, in the columns that an import takes, some thousand rows at a
 * time: a big directory is never in memory as a whole. Not a snapshot: what changes while it runs
 * may be in it or not.
 */

import {
  DEVICE_CSV_COLUMNS,
  DEVICE_SET_SEPARATOR,
  GROUP_CSV_COLUMNS,
  USER_CSV_COLUMNS,
} from '@keydesk/contract'
import { stringify } from 'csv-stringify/sync'
import type { PrincipalActor } from '../access/actor.ts'
import { reachesAny, reachesEverywhere } from '../access/grants.ts'
import type { Deps } from '../deps.ts'
import { toCsvText } from './csv-text.ts'
import {
  selectDevicesToExport,
  selectGroupsToExport,
  selectUsersToExport,
} from './export-queries.ts'

type Rows = readonly (readonly string[])[]

function toCsv(rows: Rows): string {
  return stringify(
    rows.map((row) => row.map(toCsvText)),
    { record_delimiter: 'windows' },
  )
}

export async function* exportUsers({ db }: Pick<Deps, 'db'>): AsyncGenerator<string> {
  yield toCsv([USER_CSV_COLUMNS])
  for await (const users of selectUsersToExport(db)) {
    yield toCsv(
      users.map((user) => [
        user.id,
        user.user_principal_name,
        user.display_name,
        user.given_name ?? '',
        user.family_name ?? '',
        user.mail ?? '',
        user.department ?? '',
        String(user.is_active),
      ]),
    )
  }
}

export async function* exportGroups({ db }: Pick<Deps, 'db'>): AsyncGenerator<string> {
  yield toCsv([GROUP_CSV_COLUMNS])
  for await (const rows of selectGroupsToExport(db)) {
    yield toCsv(
      rows.map((row) => [row.display_name, row.description ?? '', row.user_principal_name ?? '']),
    )
  }
}

/**
 * Columns that the principal may not see are left out, and so are devices whose owner he may not
 * see where he sees others': an import of the file would take away what is merely hidden.
 */
export async function* exportDevices(
  { db }: Pick<Deps, 'db'>,
  { grants }: PrincipalActor,
): AsyncGenerator<string> {
  const ownerReach = grants.reach('microsoft.directory/devices/registeredOwners/read')
  const seesOwners = reachesAny(ownerReach)
  const seesUnits = reachesEverywhere(
    grants.reach('microsoft.directory/administrativeUnits/standard/read'),
  )
  const seesGroups = reachesEverywhere(grants.reach('keydesk/deviceGroups/read'))
  const hidden = new Set<string>([
    ...(seesOwners ? [] : ['owner']),
    ...(seesUnits ? [] : ['administrativeUnits']),
    ...(seesGroups ? [] : ['deviceGroups']),
  ])
  const columns = DEVICE_CSV_COLUMNS.filter((column) => !hidden.has(column))
  yield toCsv([columns])
  const reaches = [
    grants.reach('microsoft.directory/devices/standard/read'),
    ...(seesOwners ? [ownerReach] : []),
  ]
  for await (const devices of selectDevicesToExport(db, reaches)) {
    yield toCsv(
      devices.map((device) => {
        const fields = {
          deviceId: device.id,
          name: device.name,
          serialNumber: device.serial_number ?? '',
          owner: device.owner ?? '',
          administrativeUnits: device.units.join(DEVICE_SET_SEPARATOR),
          deviceGroups: device.groups.join(DEVICE_SET_SEPARATOR),
        }
        return columns.map((column) => fields[column])
      }),
    )
  }
}
