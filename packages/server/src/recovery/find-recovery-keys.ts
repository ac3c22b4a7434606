/**
 * Finds stored keys by the ID on the recovery screen, whole or its first characters, or by device.
 * Never shows a recovery password: that is a disclosure.
 */

import type { RecoveryKey, RecoveryKeyPage, RecoveryKeyQuery } from '@keydesk/contract'
import type { PrincipalActor } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { decodeCursor, pageLimit, pageOf } from '../http/page-cursor.ts'
import { selectRecoveryKeys, type RecoveryKeyRow } from './key-queries.ts'
import { protectorRange } from './protector-range.ts'

/** Throws AppError INVALID_REQUEST when neither a key ID nor a device narrows the search. */
export async function findRecoveryKeys(
  deps: Deps,
  principal: PrincipalActor,
  query: RecoveryKeyQuery,
): Promise<RecoveryKeyPage> {
  if (query.keyId === undefined && query.deviceId === undefined) {
    throw new AppError('INVALID_REQUEST', 'Give a keyId (8 or more characters) or a deviceId.')
  }
  const limit = pageLimit(query.limit)
  const rows = await selectRecoveryKeys(deps.db, {
    reach: principal.grants.reach('microsoft.directory/bitlockerKeys/metadata/read'),
    range: query.keyId === undefined ? undefined : protectorRange(query.keyId),
    deviceId: query.deviceId,
    after: cursor(query.after),
    limit: limit + 1,
  })
  return pageOf(rows, limit, { item: toRecoveryKey, key: (row) => [row.state, row.id] })
}

export function toRecoveryKey(row: RecoveryKeyRow): RecoveryKey {
  return {
    recoveryKeyId: row.protector_id,
    device: { id: row.device_id, name: row.device_name },
    volume: {
      id: row.volume_id,
      // The CHECKs of the table let in only what the contract names.
      type: row.volume_type as RecoveryKey['volume']['type'],
      ...(row.mount_point === null ? {} : { mountPoint: row.mount_point }),
    },
    state: row.state as RecoveryKey['state'],
    proof: row.proof as RecoveryKey['proof'],
    escrowedAt: row.escrowed_at.toISOString(),
    ...(row.superseded_at === null ? {} : { supersededAt: row.superseded_at.toISOString() }),
    isExposed: row.is_exposed,
  }
}

function cursor(after: string | undefined): { state: string; id: number } | undefined {
  if (after === undefined) return undefined
  const [state, id] = decodeCursor(after, ['string', 'number'])
  if (!Number.isSafeInteger(id)) {
    throw new AppError('INVALID_REQUEST', 'after is not the nextAfter of this list.')
  }
  return { state, id }
}
