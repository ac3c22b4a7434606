/** The device that each row of a CSV file is about. */

import { isGuid } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'
import { selectCandidates, type CandidateRow } from './csv-queries.ts'
import type { DeviceCsvRow, DeviceImport } from './import-devices.ts'

export interface FoundDevice {
  readonly row: DeviceCsvRow
  readonly device: CandidateRow
}

/** By ID, or by name and serial number where they name one device only. */
export async function findDevices(
  trx: Transaction<Database>,
  rows: readonly DeviceCsvRow[],
  { by, errors }: DeviceImport,
): Promise<FoundDevice[]> {
  const keys = rows.map(({ fields }) => ({
    id: (fields.deviceId ?? '').toLowerCase(),
    name: (fields.name ?? '').toLowerCase(),
    serialNumber: (fields.serialNumber ?? '').toLowerCase(),
  }))
  const candidates = await selectCandidates(trx, {
    ids: keys.map(({ id }) => id).filter((id) => isGuid(id)),
    names: keys.filter(({ id }) => id === '').flatMap(({ name }) => name || []),
    serialNumbers: keys.filter(({ id }) => id === '').flatMap((key) => key.serialNumber || []),
    reach: by.principal.grants.reach('microsoft.directory/devices/standard/read'),
  })
  const byId = new Map(candidates.map((device) => [device.id, [device]]))
  const byName = Map.groupBy(candidates, ({ name }) => name.toLowerCase())
  const bySerial = Map.groupBy(candidates, (device) => device.serial_number?.toLowerCase() ?? '')
  const lines = new Map<string, number>()
  return rows.flatMap((row, index) => {
    const { id = '', name = '', serialNumber = '' } = keys[index] ?? {}
    const reject = (message: string): [] => {
      errors.add(row.line, message)
      return []
    }
    if (id === '' && name === '' && serialNumber === '') {
      return reject('A device is found by its deviceId, name or serialNumber.')
    }
    const named = name === '' ? (bySerial.get(serialNumber) ?? []) : (byName.get(name) ?? [])
    const isThis = (device: CandidateRow): boolean =>
      serialNumber === '' || device.serial_number?.toLowerCase() === serialNumber
    const found = id === '' ? named.filter(isThis) : (byId.get(id) ?? [])
    const [device] = found
    if (device === undefined) return reject('There is no such device.')
    if (found.length > 1) {
      return reject(`There are ${found.length} such devices: name its deviceId.`)
    }
    const earlier = lines.get(device.id)
    if (earlier !== undefined) return reject(`The same device is on line ${earlier}.`)
    lines.set(device.id, row.line)
    return [{ row, device }]
  })
}
