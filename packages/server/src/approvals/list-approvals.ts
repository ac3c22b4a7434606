/**
 * Requests for approval: everybody sees his own, and whoever may see or decide on approvals those
 * of the devices in his reach.
 */

import {
  LIMITS,
  type ApprovalRequest,
  type ApprovalRequestPage,
  type ApprovalRequestQuery,
} from '@keydesk/contract'
import type { PrincipalActor } from '../access/actor.ts'
import type { DeviceReach } from '../access/grants.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { decodeTimeCursor, pageLimit, pageOf } from '../http/page-cursor.ts'
import { selectApprovals, type ApprovalRow } from './approval-queries.ts'

export async function listApprovals(
  deps: Pick<Deps, 'db' | 'clock'>,
  principal: PrincipalActor,
  query: ApprovalRequestQuery,
): Promise<ApprovalRequestPage> {
  const limit = pageLimit(query.limit ?? String(LIMITS.pageSizeDefault))
  const rows = await selectApprovals(deps.db, {
    requesterId: principal.id,
    reaches: query.mine === 'true' ? [] : reaches(principal),
    state: query.state,
    after: decodeTimeCursor(query.after),
    limit: limit + 1,
    now: deps.clock.now(),
  })
  return pageOf(rows, limit, {
    item: toApproval,
    key: (row) => [row.requested_at.toISOString(), row.id],
  })
}

/** Throws AppError NOT_FOUND. */
export async function showApproval(
  deps: Pick<Deps, 'db' | 'clock'>,
  principal: PrincipalActor,
  id: string,
): Promise<ApprovalRequest> {
  return toApproval(await findApproval(deps, principal, id))
}

/** Throws AppError NOT_FOUND also for one that the principal may not know of. */
export async function findApproval(
  deps: Pick<Deps, 'db' | 'clock'>,
  principal: PrincipalActor,
  id: string,
): Promise<ApprovalRow> {
  const [row] = await selectApprovals(deps.db, {
    id,
    requesterId: principal.id,
    reaches: reaches(principal),
    limit: 1,
    now: deps.clock.now(),
  })
  if (row === undefined) {
    throw new AppError('NOT_FOUND', 'There is no request for approval with this ID.')
  }
  return row
}

function reaches({ grants }: PrincipalActor): DeviceReach[] {
  return [grants.reach('keydesk/approvals/read'), grants.reach('keydesk/approvals/decide')]
}

function toApproval(row: ApprovalRow): ApprovalRequest {
  return {
    id: row.id,
    recoveryKeyId: row.protector_id,
    device: { id: row.device_id, name: row.device_name },
    requester: {
      id: row.requester_id,
      type: row.requester_type === 'app' ? 'app' : 'user',
      name: row.requester_name,
    },
    reason: {
      // What the contract let in.
      code: row.reason_code as ApprovalRequest['reason']['code'],
      ...(row.reason_text === null ? {} : { text: row.reason_text }),
      ...(row.ticket === null ? {} : { ticket: row.ticket }),
    },
    isEmergency: row.is_emergency,
    state: row.state as ApprovalRequest['state'],
    requestedAt: row.requested_at.toISOString(),
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at.toISOString() }),
    ...(row.decided_by === null
      ? {}
      : { decidedBy: { id: row.decided_by, name: row.decided_by_name ?? '' } }),
    ...(row.decided_at === null ? {} : { decidedAt: row.decided_at.toISOString() }),
    ...(row.decision_comment === null ? {} : { comment: row.decision_comment }),
  }
}
