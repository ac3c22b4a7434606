/** Lists rotations, newest first. */

import type { Rotation, RotationPage, RotationQuery } from '@keydesk/contract'
import type { PrincipalActor } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import { decodeTimeCursor, pageLimit, pageOf } from '../http/page-cursor.ts'
import { selectRotations, type RotationRow } from './queries.ts'

export async function listRotations(
  deps: Deps,
  principal: PrincipalActor,
  query: RotationQuery,
): Promise<RotationPage> {
  const limit = pageLimit(query.limit)
  const rows = await selectRotations(deps.db, {
    reach: principal.grants.reach('keydesk/rotations/read'),
    state: query.state,
    deviceId: query.deviceId,
    before: decodeTimeCursor(query.after),
    limit: limit + 1,
  })
  return pageOf(rows, limit, {
    item: toRotation,
    key: (row) => [row.requested_at.toISOString(), row.id],
  })
}

export function toRotation(row: RotationRow): Rotation {
  return {
    id: row.id,
    deviceId: row.device_id,
    volumeId: row.volume_id,
    protectorId: row.protector_id,
    // The CHECKs of the table let in only what the contract names.
    trigger: row.trigger as Rotation['trigger'],
    state: row.state as Rotation['state'],
    attempt: row.attempt,
    requestedAt: row.requested_at.toISOString(),
    notBefore: row.not_before.toISOString(),
    ...(row.delivered_at === null ? {} : { deliveredAt: row.delivered_at.toISOString() }),
    ...(row.finished_at === null ? {} : { finishedAt: row.finished_at.toISOString() }),
    ...(row.detail_code === null ? {} : { detailCode: row.detail_code }),
  }
}
