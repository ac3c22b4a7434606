/**
 * What the second person says: to a request before the disclosure, or about an emergency after it.
 * He must be a person who signed in a short while ago, may decide for this device, and is neither
 * who asked nor the owner of the device (the database holds these two by itself), nor somebody who
 * could ask by way of the program that asked.
 */

import type { ApprovalRequest, DecideApproval, ReviewEmergency } from '@keydesk/contract'
import { auditActor, type ByPrincipal, type PrincipalActor } from '../access/actor.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
import { reachesDevice } from '../access/within-reach.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { checkNoPassword } from '../recovery/check-reason.ts'
import {
  decideApproval as closeApproval,
  isMakerOfApp,
  type ApprovalRow,
} from './approval-queries.ts'
import { findApproval, showApproval } from './list-approvals.ts'

const STATES = { approve: 'approved', deny: 'denied' } as const
const VERDICTS = { accept: 'accepted', reject: 'rejected' } as const

/** Throws AppError NOT_FOUND, FORBIDDEN, APPROVER_NOT_INDEPENDENT, STEP_UP_REQUIRED or
 * APPROVAL_CLOSED. */
export async function decideApproval(
  deps: Deps,
  by: ByPrincipal,
  id: string,
  { decision, comment }: DecideApproval,
): Promise<ApprovalRequest> {
  const act = { action: 'approval.decide', from: 'pending', state: STATES[decision] } as const
  return await decide(deps, by, id, { ...act, comment })
}

/** Throws the same. */
export async function reviewEmergency(
  deps: Deps,
  by: ByPrincipal,
  id: string,
  { verdict, comment }: ReviewEmergency,
): Promise<ApprovalRequest> {
  const act = {
    action: 'approval.review',
    from: 'awaitingReview',
    state: VERDICTS[verdict],
  } as const
  return await decide(deps, by, id, { ...act, comment })
}

interface Act {
  readonly action: 'approval.decide' | 'approval.review'
  readonly from: 'pending' | 'awaitingReview'
  readonly state: string
  readonly comment: string | undefined
}

async function decide(
  deps: Deps,
  { principal, requestId }: ByPrincipal,
  id: string,
  { action, from, state, comment }: Act,
): Promise<ApprovalRequest> {
  checkNoPassword(comment, 'comment')
  const approval = await findApproval(deps, principal, id)
  await requireIndependent(deps, principal, approval)
  requireRecentSignIn(deps, principal)
  const now = deps.clock.now()
  await deps.db.transaction().execute(async (trx) => {
    const closing = { id, from, state, approverId: principal.id, comment, now }
    const isClosed = await orNotIndependent(() => closeApproval(trx, closing))
    if (!isClosed) throw new AppError('APPROVAL_CLOSED', closedText(approval, from))
    await appendAudit(trx, [
      {
        occurredAt: now,
        action,
        outcome: 'success',
        actor: auditActor(principal),
        deviceId: approval.device_id,
        volumeId: approval.volume_id,
        recoveryKeyId: approval.protector_id,
        requestId,
        detail: {
          approvalId: id,
          state,
          requesterId: approval.requester_id,
          ...(comment === undefined ? {} : { comment }),
        },
      },
    ])
  })
  return await showApproval(deps, principal, id)
}

async function requireIndependent(
  deps: Deps,
  principal: PrincipalActor,
  approval: ApprovalRow,
): Promise<void> {
  const reach = principal.grants.reach('keydesk/approvals/decide')
  if (!(await reachesDevice(deps.db, reach, approval.device_id))) {
    throw new AppError('FORBIDDEN', 'This needs the permission keydesk/approvals/decide.')
  }
  if (principal.type === 'app') {
    throw new AppError('FORBIDDEN', 'A program cannot be the second person.')
  }
  if (principal.id === approval.requester_id) {
    throw new AppError('APPROVER_NOT_INDEPENDENT', 'You asked for this yourself.')
  }
  const maker = { appId: approval.requester_id, personId: principal.id }
  if (await isMakerOfApp(deps.db, maker)) {
    throw new AppError(
      'APPROVER_NOT_INDEPENDENT',
      'You registered the program that asks, or made a secret or key for it.',
    )
  }
  if (principal.id === approval.device_owner_id) throw ownDevice()
}

/** The owner may have changed since the request was read: the constraint has the last word. */
async function orNotIndependent<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    const isRefused =
      error instanceof Error &&
      'constraint' in error &&
      error.constraint === 'approval_request_approver_is_not_owner'
    throw isRefused ? ownDevice() : error
  }
}

function ownDevice(): AppError {
  return new AppError('APPROVER_NOT_INDEPENDENT', 'You own this device.')
}

function closedText({ state, is_emergency }: ApprovalRow, from: Act['from']): string {
  if (is_emergency !== (from === 'awaitingReview')) {
    return is_emergency
      ? 'An emergency is reviewed, not decided.'
      : 'Only emergencies are reviewed.'
  }
  return `This request is ${state === from ? 'closed' : state}.`
}
