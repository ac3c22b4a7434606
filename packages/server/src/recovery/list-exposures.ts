/**
 * Lists exposures: recovery passwords that were shown, and whether the disk has proven them
 * replaced.
 */

import type { Exposure, ExposurePage, ExposureQuery } from '@keydesk/contract'
import type { PrincipalActor } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import { decodeTimeCursor, pageLimit, pageOf } from '../http/page-cursor.ts'
import { selectExposures, type ExposureRow } from './exposure-queries.ts'

export async function listExposures(
  deps: Deps,
  principal: PrincipalActor,
  query: ExposureQuery,
): Promise<ExposurePage> {
  const limit = pageLimit(query.limit)
  const rows = await selectExposures(deps.db, {
    reach: principal.grants.reach('keydesk/exposures/read'),
    state: query.state,
    deviceId: query.deviceId,
    after: decodeTimeCursor(query.after),
    limit: limit + 1,
  })
  return pageOf(rows, limit, {
    item: toExposure,
    key: (row) => [row.opened_at.toISOString(), row.id],
  })
}

export function toExposure(row: ExposureRow): Exposure {
  return {
    id: row.id,
    disclosureId: row.disclosure_id,
    deviceId: row.device_id,
    volumeId: row.volume_id,
    protectorId: row.protector_id,
    // The CHECKs of the tables let in only what the contract names.
    state: row.state as Exposure['state'],
    openedAt: row.opened_at.toISOString(),
    ...(row.closed_at === null ? {} : { closedAt: row.closed_at.toISOString() }),
    ...(row.successor_protector_id === null
      ? {}
      : { successorProtectorId: row.successor_protector_id }),
    ...(row.rotation_id === null ? {} : { rotationId: row.rotation_id }),
    ...(row.rotation_state === null
      ? {}
      : { rotationState: row.rotation_state as NonNullable<Exposure['rotationState']> }),
  }
}
