/** Withdraws an own request for approval, also one that was approved and not used. */

import { auditActor, type ByPrincipal } from '../access/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { cancelApproval as closeApproval } from './approval-queries.ts'
import { findApproval } from './list-approvals.ts'

/** Throws AppError NOT_FOUND, FORBIDDEN or APPROVAL_CLOSED. */
export async function cancelApproval(
  deps: Deps,
  { principal, requestId }: ByPrincipal,
  id: string,
): Promise<void> {
  const approval = await findApproval(deps, principal, id)
  if (approval.requester_id !== principal.id) {
    throw new AppError('FORBIDDEN', 'Only who asked for an approval withdraws the request.')
  }
  await deps.db.transaction().execute(async (trx) => {
    if (!(await closeApproval(trx, id))) {
      throw new AppError('APPROVAL_CLOSED', `This request is ${approval.state}.`)
    }
    await appendAudit(trx, [
      {
        occurredAt: deps.clock.now(),
        action: 'approval.cancel',
        outcome: 'success',
        actor: auditActor(principal),
        deviceId: approval.device_id,
        volumeId: approval.volume_id,
        recoveryKeyId: approval.protector_id,
        requestId,
        detail: { approvalId: id },
      },
    ])
  })
}
