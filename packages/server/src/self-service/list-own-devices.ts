/** The devices of the person who asks, and of nobody else. */

import type { OwnDevice, OwnDevicePage, OwnDeviceQuery } from '@keydesk/contract'
import type { UserActor } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import { decodeNameCursor, pageLimit, pageOf } from '../http/page-cursor.ts'
import { selectOwnDevices, type OwnDeviceRow } from './own-device-queries.ts'

export async function listOwnDevices(
  deps: Pick<Deps, 'db'>,
  owner: UserActor,
  query: OwnDeviceQuery,
): Promise<OwnDevicePage> {
  const limit = pageLimit(query.limit)
  const rows = await selectOwnDevices(deps.db, {
    ownerId: owner.id,
    after: decodeNameCursor(query.after),
    limit: limit + 1,
  })
  return pageOf(rows, limit, { item: toOwnDevice, key: (row) => [row.sort_name, row.id] })
}

function toOwnDevice(row: OwnDeviceRow): OwnDevice {
  return {
    id: row.id,
    name: row.name,
    ...(row.manufacturer === null ? {} : { manufacturer: row.manufacturer }),
    ...(row.model === null ? {} : { model: row.model }),
    ...(row.serial_number === null ? {} : { serialNumber: row.serial_number }),
    ...(row.last_seen_at === null ? {} : { lastSeenAt: row.last_seen_at.toISOString() }),
    // The words of the query.
    encryption: row.encryption as OwnDevice['encryption'],
    hasKey: row.has_key,
  }
}
