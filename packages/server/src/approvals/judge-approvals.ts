/**
 * Whether a second person is demanded for a disclosure, and whether the one that is brought along
 * will do: it is for this key, this requester and this reason; approved, not expired, not used; and
 * who approved it still may. Inside the transaction of the disclosure, which uses it up.
 */

import { LIMITS } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { coversDevice, createGrants } from '../access/grants.ts'
import { selectUser } from '../access/principal-queries.ts'
import type { Database } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import type { DisclosureRules } from '../recovery/disclosure-rule-queries.ts'
import type { Admission, WantedDisclosure } from '../recovery/wanted-disclosure.ts'
import {
  countUnreviewedEmergencies,
  isMakerOfApp,
  lockApprovals,
  type ApprovalToUse,
} from './approval-queries.ts'

export interface ApprovalQuestion {
  readonly wanted: WantedDisclosure
  readonly rules: DisclosureRules
}

/**
 * For each question how it is admitted, or the refusal APPROVAL_REQUIRED, APPROVAL_INVALID or
 * TOO_MANY_REQUESTS. The caller holds the locks of `lockBudgets`, so that counting emergencies is
 * exact.
 */
export async function judgeApprovals(
  trx: Transaction<Database>,
  questions: readonly ApprovalQuestion[],
  now: Date,
): Promise<(Admission | AppError)[]> {
  const ids = questions.flatMap(({ wanted }) => wanted.approvalId ?? [])
  const approvals = ids.length === 0 ? [] : await lockApprovals(trx, ids)
  const emergencies = await countUnreviewedEmergencies(
    trx,
    questions.flatMap(({ wanted }) => (wanted.isEmergency ? wanted.principal.id : [])),
  )
  const used = new Set<string>()
  const answers: (Admission | AppError)[] = []
  for (const { wanted, rules } of questions) {
    const { approvalId } = wanted
    if (approvalId === undefined) {
      answers.push(withoutApproval(wanted, rules, emergencies))
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

/** Counts the emergency that it admits. */
function withoutApproval(
  wanted: WantedDisclosure,
  rules: DisclosureRules,
  emergencies: Map<string, number>,
): Admission | AppError {
  const isOwn = wanted.kind === 'ownership'
  const isDemanded =
    wanted.needsApproval || rules.device_demands_approval || (!isOwn && rules.role_demands_approval)
  if (!isDemanded) return { approvalId: undefined, isEmergency: false }
  if (wanted.isEmergency) {
    const { id } = wanted.principal
    const open = emergencies.get(id) ?? 0
    if (open >= LIMITS.unreviewedEmergenciesMax) return tooManyEmergencies(open)
    emergencies.set(id, open + 1)
    return { approvalId: undefined, isEmergency: true }
  }
  const route = isOwn ? '/api/v1/me/approval-requests' : '/api/v1/approval-requests'
  return new AppError(
    'APPROVAL_REQUIRED',
    `A second person must approve this first. Ask with POST ${route}, then send the ID as approvalId.`,
  )
}

function tooManyEmergencies(open: number): AppError {
  return new AppError(
    'TOO_MANY_REQUESTS',
    `${open} of your emergencies wait for their review. Have one reviewed, or ask for approval.`,
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

/**
 * Active, in scope, and not meanwhile the owner of the device or somebody who could be behind the
 * program that asked.
 */
async function stillMayApprove(
  trx: Transaction<Database>,
  approval: ApprovalToUse,
  now: Date,
): Promise<boolean> {
  const { decided_by: approverId, device_id: deviceId, requester_id: requesterId } = approval
  if (approverId === null || approverId === approval.current_owner_id) return false
  const maker = { appId: requesterId, personId: approverId }
  if (approval.kind === 'application' && (await isMakerOfApp(trx, maker))) return false
  const approver = await selectUser(trx, approverId, { now, deviceId })
  if (approver === undefined || !approver.is_active || approver.device === undefined) return false
  const grants = createGrants({ assignments: approver.assignments, narrowedTo: 'everything' })
  return coversDevice(grants.reach('keydesk/approvals/decide'), approver.device)
}
