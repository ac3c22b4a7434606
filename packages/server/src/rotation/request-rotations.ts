/**
 * Asks for the replacement of recovery passwords, inside the transaction of what makes it
 * necessary. A key has one open rotation at most: asking again brings it forward, never back.
 */

import { randomUUID } from 'node:crypto'
import type { Transaction } from 'kysely'
import { appendAudit, type AuditActor } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import { upsertOpenRotations } from './queries.ts'

export interface RotationRequest {
  readonly keyId: number
  readonly deviceId: string
  readonly volumeId: string
  readonly recoveryKeyId: string
  readonly trigger: 'disclosure' | 'mismatch' | 'byHand' | 'retry' | 'ownerChange'
  readonly attempt?: number
  /** The device is told at its first check-in after this. */
  readonly notBefore: Date
  readonly now: Date
  readonly actor: AuditActor
  readonly requestId?: string
}

/** Returns the ID of the open rotation of each key. Each request has its audit entry. */
export async function requestRotations(
  trx: Transaction<Database>,
  requests: readonly RotationRequest[],
): Promise<ReadonlyMap<number, string>> {
  if (requests.length === 0) return new Map()
  // Several people may ask for the same key at once; the earliest time counts.
  const byKey = new Map<number, RotationRequest>()
  for (const request of requests) {
    const known = byKey.get(request.keyId)
    if (known === undefined || request.notBefore < known.notBefore) {
      byKey.set(request.keyId, request)
    }
  }
  const newIds = new Map([...byKey.keys()].map((keyId) => [keyId, randomUUID() as string]))
  const openIds = await upsertOpenRotations(
    trx,
    [...byKey.values()].map((request) => ({
      id: newIds.get(request.keyId) ?? '',
      keyId: request.keyId,
      deviceId: request.deviceId,
      trigger: request.trigger,
      attempt: request.attempt ?? 1,
      requestedAt: request.now,
      notBefore: request.notBefore,
    })),
  )
  await appendAudit(
    trx,
    requests.map((request) => {
      const rotationId = openIds.get(request.keyId) ?? ''
      return {
        occurredAt: request.now,
        action: 'rotation.request',
        outcome: 'success',
        actor: request.actor,
        deviceId: request.deviceId,
        volumeId: request.volumeId,
        recoveryKeyId: request.recoveryKeyId,
        requestId: request.requestId,
        detail: {
          rotationId,
          trigger: request.trigger,
          notBefore: request.notBefore.toISOString(),
          wasOpen: rotationId !== newIds.get(request.keyId),
        },
      } as const
    }),
  )
  return openIds
}
