/** What a device says about itself: the API's form and the table's columns. */

import type { DeviceFacts } from '@keydesk/contract'

export interface DeviceFactRow {
  name: string
  serial_number: string | null
  manufacturer: string | null
  model: string | null
  os_version: string | null
  os_build: string | null
  join_type: string | null
}

export function deviceFactColumns(facts: DeviceFacts): DeviceFactRow {
  return {
    name: facts.name,
    serial_number: facts.serialNumber ?? null,
    manufacturer: facts.manufacturer ?? null,
    model: facts.model ?? null,
    os_version: facts.osVersion ?? null,
    os_build: facts.osBuild ?? null,
    join_type: facts.joinType ?? null,
  }
}

export function areSameFacts(a: DeviceFactRow, b: DeviceFactRow): boolean {
  const names = Object.keys(a) as (keyof DeviceFactRow)[]
  return names.every((name) => a[name] === b[name])
}

export function deviceFactsOf(row: DeviceFactRow): DeviceFacts {
  return {
    name: row.name,
    ...(row.serial_number === null ? {} : { serialNumber: row.serial_number }),
    ...(row.manufacturer === null ? {} : { manufacturer: row.manufacturer }),
    ...(row.model === null ? {} : { model: row.model }),
    ...(row.os_version === null ? {} : { osVersion: row.os_version }),
    ...(row.os_build === null ? {} : { osBuild: row.os_build }),
    // The schema let in only what the contract names.
    ...(row.join_type === null
      ? {}
      : { joinType: row.join_type as NonNullable<DeviceFacts['joinType']> }),
  }
}
