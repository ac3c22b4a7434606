/**
 * Shows one recovery password to one person or program by the right of a role, for a reason: in
 * reach, after a recent sign-in, with the approval that the rules demand, within the budget.
 */

import type { CreateDisclosure, Disclosure } from '@keydesk/contract'
import type { PrincipalActor } from '../access/actor.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { checkReason } from './check-reason.ts'
import { findKeyInReach } from './find-key-in-reach.ts'
import { countAndRecord, showKey, type DisclosureContext } from './show-key.ts'

/**
 * Throws AppError INVALID_REQUEST, NOT_FOUND, KEY_ID_AMBIGUOUS, FORBIDDEN, STEP_UP_REQUIRED,
 * APPROVAL_REQUIRED, APPROVAL_INVALID, TOO_MANY_REQUESTS, DISCLOSURE_BUDGET_EXCEEDED,
 * KEY_UNREADABLE or AUDIT_UNAVAILABLE.
 */
export async function discloseKey(
  deps: Deps,
  context: DisclosureContext,
  wanted: CreateDisclosure,
): Promise<Disclosure> {
  const { deviceId, recoveryKeyId } = wanted
  const attempt = { route: 'POST /api/v1/disclosures', deviceId, recoveryKeyId }
  return await countAndRecord(deps, context, attempt, () => disclose(deps, context, wanted))
}

async function disclose(
  deps: Deps,
  { principal, requestId, record }: DisclosureContext,
  wanted: CreateDisclosure,
): Promise<Disclosure> {
  const { reason, approvalId } = wanted
  const isEmergency = wanted.emergency === true
  checkReason(reason)
  if (isEmergency) checkEmergency(principal, wanted)
  const key = await findKeyInReach(deps, principal, wanted)
  if (isEmergency && !key.may_in_emergency) {
    throw new AppError(
      'FORBIDDEN',
      'This needs the permission keydesk/bitlockerKeys/key/readInEmergency.',
    )
  }
  requireRecentSignIn(deps, principal)
  return await showKey(deps, record, {
    principal,
    key,
    reason,
    requestId,
    kind: principal.type === 'app' ? 'application' : 'role',
    needsApproval: key.needs_approval,
    approvalId,
    isEmergency,
  })
}

function checkEmergency({ type }: PrincipalActor, { reason, approvalId }: CreateDisclosure): void {
  if (type === 'app') {
    throw new AppError('FORBIDDEN', 'A program has no emergencies: a person has to answer for one.')
  }
  if (approvalId !== undefined) {
    throw new AppError('INVALID_REQUEST', 'Send an approvalId or emergency, not both.')
  }
  if (reason.text === undefined || reason.text.trim() === '') {
    throw new AppError('INVALID_REQUEST', 'An emergency needs a reason.text: why it cannot wait.')
  }
}
