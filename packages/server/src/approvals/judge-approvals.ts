/**
 * Whether a second person is demanded for a disclosure, and whether the one that is brought along
 * will do: it is for this key, this requester and this reason; approved, not expired, not used; and
 * who approved it still may. Inside the transaction of the disclosure, which uses it up.
 */

import type { Transaction } from 'kysely'
import { coversDevice, createGrants } from '../access/grants.ts'
import { selectUser } from '../access/principal-queries.ts'
import type { Database } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import type { DisclosureRules } from '../recovery/disclosure-rule-queries.ts'
import type { Admission, WantedDisclosure } from '../recovery/wanted-disclosure.ts'
import { lockApprovals, type ApprovalToUse } from './approval-queries.ts'

export interface ApprovalQuestion {
  readonly wanted: WantedDisclosure
  readonly rules: DisclosureRules
}

/** For each question how it is admitted, or the refusal APPROVAL_REQUIRED or APPROVAL_INVALID. */
export async function judgeApprovals(
  trx: Transaction<Database>,
  questions: readonly ApprovalQuestion[],
  now: Date,
): Promise<(Admission | AppError)[]> {
  const ids = questions.flatMap(({ wanted }) => wanted.approvalId ?? [])
  const approvals = ids.length === 0 ? [] : await lockApprovals(trx, ids)
  const used = new Set<string>()
  const answers: (Admission | AppError)[] = []
  for (const { wanted, rules } of questions) {
    const { approvalId } = wanted
    if (approvalId === undefined) {
      answers.push(withoutApproval(wanted, rules))
      continue
    }
    const approval = approvals.find(({ id }) => id === approvalId)
    const problem = used.has(approvalId)
      ? ALREADY_USED
      : await problemWith(trx, approval, wanted, now)
    if (problem === undefined) used.add(approvalId)
    answers.push(
      problem === undefined
        ? { approvalId, isEmergency: false }
        : new AppError('APPROVAL_INVALID', problem),
    )
  }
  return answers
}

function withoutApproval(wanted: WantedDisclosure, rules: DisclosureRules): Admission | AppError {
  const isOwn = wanted.kind === 'ownership'
  const isDemanded =
    wanted.needsApproval || rules.device_demands_approval || (!isOwn && rules.role_demands_approval)
  if (!isDemanded) return { approvalId: undefined, isEmergency: false }
  if (wanted.isEmergency) return { approvalId: undefined, isEmergency: true }
  const route = isOwn ? '/api/v1/me/approval-requests' : '/api/v1/approval-requests'
  return new AppError(
    'APPROVAL_REQUIRED',
    `A second person must approve this first. Ask with POST ${route}, then send the ID as approvalId.`,
  )
}

const ALREADY_USED = 'This approval was used. Ask for another one.'

/** Undefined: it will do. */
async function problemWith(
  trx: Transaction<Database>,
  approval: ApprovalToUse | undefined,
  wanted: WantedDisclosure,
  now: Date,
): Promise<string | undefined> {
  const isFor =
    approval?.requester_id === wanted.principal.id &&
    approval.recovery_key_id === wanted.key.id &&
    approval.kind === wanted.kind &&
    !approval.is_emergency
  if (!isFor) return 'You have no approval with this ID for this key.'
  if (approval.state === 'used') return ALREADY_USED
  if (approval.state !== 'approved') return `This request for approval is ${approval.state}.`
  if (approval.expires_at === null || approval.expires_at <= now) {
    return 'This approval has expired. Ask for another one.'
  }
  const { code, text = null, ticket = null } = wanted.reason
  const isSameReason =
    approval.reason_code === code && approval.reason_text === text && approval.ticket === ticket
  if (!isSameReason) return 'The reason is not the one that was approved.'
  return (await stillMayApprove(trx, approval, now))
    ? undefined
    : 'Who approved this may no longer do so. Ask for another approval.'
}

/** Active, in scope, and not meanwhile the owner of the device. */
async function stillMayApprove(
  trx: Transaction<Database>,
  { decided_by: approverId, device_id: deviceId, current_owner_id: ownerId }: ApprovalToUse,
  now: Date,
): Promise<boolean> {
  if (approverId === null || approverId === ownerId) return false
  const approver = await selectUser(trx, approverId, { now, deviceId })
  if (approver === undefined || !approver.is_active || approver.device === undefined) return false
  const grants = createGrants({ assignments: approver.assignments, narrowedTo: 'everything' })
  return coversDevice(grants.reach('keydesk/approvals/decide'), approver.device)
}
