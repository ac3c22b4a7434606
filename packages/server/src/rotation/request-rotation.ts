/**
 * Asks for the replacement of one recovery password, inside the transaction of what makes it
 * necessary. A key has one open rotation at most: asking again brings it forward, never back.
 */

import { randomUUID } from 'node:crypto'
import type { Transaction } from 'kysely'
import { appendAudit, type AuditActor } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import { upsertOpenRotation } from './queries.ts'

export interface RotationRequest {
  readonly keyId: number
  readonly deviceId: string
  readonly volumeId: string
  readonly recoveryKeyId: string
  readonly trigger: 'disclosure' | 'mismatch' | 'byHand' | 'retry'
  readonly attempt?: number
  /** The device is told at its first check-in after this. */
  readonly notBefore: Date
  readonly now: Date
  readonly actor: AuditActor
  readonly requestId?: string
}

/** Returns the ID of the open rotation. */
export async function requestRotation(
  trx: Transaction<Database>,
  request: RotationRequest,
): Promise<string> {
  const { id, isNew } = await upsertOpenRotation(trx, {
    id: randomUUID(),
    keyId: request.keyId,
    deviceId: request.deviceId,
    trigger: request.trigger,
    attempt: request.attempt ?? 1,
    requestedAt: request.now,
    notBefore: request.notBefore,
  })
  await appendAudit(trx, [
    {
      occurredAt: request.now,
      action: 'rotation.request',
      outcome: 'success',
      actor: request.actor,
      deviceId: request.deviceId,
      volumeId: request.volumeId,
      recoveryKeyId: request.recoveryKeyId,
      requestId: request.requestId,
      detail: {
        rotationId: id,
        trigger: request.trigger,
        notBefore: request.notBefore.toISOString(),
        wasOpen: !isNew,
      },
    },
  ])
  return id
}
