/**
 * Asks a second person to allow one disclosure: of this key, to whoever asks, for this reason. Who
 * asks must already be somebody who may be shown the key with approval.
 */

import { randomUUID } from 'node:crypto'
import {
  LIMITS,
  type ApprovalRequest,
  type CreateApprovalRequest,
  type DisclosureReason,
} from '@keydesk/contract'
import { auditActor, type ByPrincipal } from '../access/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { checkReason } from '../recovery/check-reason.ts'
import type { KeyToDisclose } from '../recovery/disclosure-queries.ts'
import { findKeyInReach } from '../recovery/find-key-in-reach.ts'
import { countOpenApprovals, insertApproval } from './approval-queries.ts'
import { showApproval } from './list-approvals.ts'

/** By the right of a role. Throws AppError INVALID_REQUEST, NOT_FOUND, KEY_ID_AMBIGUOUS or
 * TOO_MANY_REQUESTS. */
export async function requestApproval(
  deps: Deps,
  by: ByPrincipal,
  wanted: CreateApprovalRequest,
): Promise<ApprovalRequest> {
  checkReason(wanted.reason)
  const key = await findKeyInReach(deps, by.principal, wanted)
  return await askForApproval(deps, by, {
    key,
    kind: by.principal.type === 'app' ? 'application' : 'role',
    reason: wanted.reason,
    lifetimeSeconds: wanted.expiresInSeconds ?? LIMITS.approvalSecondsDefault,
  })
}

export interface WantedApproval {
  readonly key: KeyToDisclose
  readonly kind: 'role' | 'ownership' | 'application'
  readonly reason: DisclosureReason
  readonly lifetimeSeconds: number
}

/** Throws AppError TOO_MANY_REQUESTS. */
export async function askForApproval(
  deps: Deps,
  { principal, requestId }: ByPrincipal,
  { key, kind, reason, lifetimeSeconds }: WantedApproval,
): Promise<ApprovalRequest> {
  const now = deps.clock.now()
  const id = randomUUID()
  await deps.db.transaction().execute(async (trx) => {
    const open = await countOpenApprovals(trx, principal.id, now)
    if (open >= LIMITS.openApprovalRequestsMax) {
      throw new AppError(
        'TOO_MANY_REQUESTS',
        `You have ${open} open requests for approval. Withdraw one, or wait for a decision.`,
      )
    }
    await insertApproval(trx, {
      id,
      keyId: key.id,
      deviceId: key.device_id,
      requesterId: principal.id,
      kind,
      reasonCode: reason.code,
      reasonText: reason.text,
      ticket: reason.ticket,
      requestedAt: now,
      expiresAt: new Date(now.getTime() + lifetimeSeconds * 1000),
    })
    await appendAudit(trx, [
      {
        occurredAt: now,
        action: 'approval.request',
        outcome: 'success',
        actor: auditActor(principal),
        deviceId: key.device_id,
        volumeId: key.volume_id,
        recoveryKeyId: key.protector_id,
        requestId,
        detail: {
          approvalId: id,
          kind,
          reasonCode: reason.code,
          ...(reason.text === undefined ? {} : { reasonText: reason.text }),
          ...(reason.ticket === undefined ? {} : { ticket: reason.ticket }),
        },
      },
    ])
  })
  return await showApproval(deps, principal, id)
}
