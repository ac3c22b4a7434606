/**
 * Shows the owner of a device its recovery password, by the rules of self-service. Roles play no
 * part. Logged, exposed and replaced like every other disclosure.
 */

import {
  LIMITS,
  type ApprovalRequest,
  type CreateOwnApprovalRequest,
  type CreateOwnDisclosure,
  type Disclosure,
} from '@keydesk/contract'
import type { UserActor } from '../access/actor.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
import { askForApproval } from '../approvals/request-approval.ts'
import type { Deps } from '../deps.ts'
import { checkReason } from '../recovery/check-reason.ts'
import { countAndRecord, showKey, type DisclosureContext } from '../recovery/show-key.ts'
import { findOwnKey } from './find-own-key.ts'

export interface OwnDisclosureContext extends DisclosureContext {
  readonly principal: UserActor
}

/**
 * Throws AppError INVALID_REQUEST, NOT_FOUND, SELF_SERVICE_REFUSED, STEP_UP_REQUIRED,
 * APPROVAL_REQUIRED, APPROVAL_INVALID, DISCLOSURE_BUDGET_EXCEEDED, KEY_UNREADABLE or
 * AUDIT_UNAVAILABLE.
 */
export async function discloseOwnKey(
  deps: Deps,
  context: OwnDisclosureContext,
  wanted: CreateOwnDisclosure,
): Promise<Disclosure> {
  const { principal, requestId, record } = context
  const { deviceId, reason, approvalId } = wanted
  const attempt = { route: 'POST /api/v1/me/disclosures', deviceId, recoveryKeyId: undefined }
  return await countAndRecord(deps, context, attempt, async () => {
    checkReason(reason)
    const key = await findOwnKey(deps, principal, wanted, () =>
      requireRecentSignIn(deps, principal),
    )
    return await showKey(deps, record, {
      principal,
      key,
      reason,
      requestId,
      kind: 'ownership',
      needsApproval: false,
      approvalId,
      isEmergency: false,
    })
  })
}

/** Throws AppError INVALID_REQUEST, NOT_FOUND, SELF_SERVICE_REFUSED or TOO_MANY_REQUESTS. */
export async function requestOwnApproval(
  deps: Deps,
  by: { readonly principal: UserActor; readonly requestId: string },
  wanted: CreateOwnApprovalRequest,
): Promise<ApprovalRequest> {
  checkReason(wanted.reason)
  const key = await findOwnKey(deps, by.principal, wanted)
  return await askForApproval(deps, by, {
    key,
    kind: 'ownership',
    reason: wanted.reason,
    lifetimeSeconds: LIMITS.approvalSecondsDefault,
  })
}
