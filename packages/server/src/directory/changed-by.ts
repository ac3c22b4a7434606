/** Who changes the directory, and when: what every rule here needs for its audit entries. */

import { auditActor, type PrincipalActor } from '../access/actor.ts'
import { requireAuthorityOver } from '../access/require-authority-over.ts'
import type { AuditActor } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'
import type { Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'

export interface ChangedBy {
  readonly actor: AuditActor
  /**
   * The person or program that asks, who must have authority over whatever holds roles. Undefined
   * for the service itself and for provisioning, which have it by configuration.
   */
  readonly principal: PrincipalActor | undefined
  readonly now: Date
  readonly requestId: string
}

export function changedBy(
  deps: Pick<Deps, 'clock'>,
  principal: PrincipalActor,
  requestId: string,
): ChangedBy {
  return { actor: auditActor(principal), principal, now: deps.clock.now(), requestId }
}

/** Throws AppError FORBIDDEN: what holds roles is changed only by whoever may give roles. */
export async function requireAuthority(
  trx: Transaction<Database>,
  by: ChangedBy,
  principalId: string,
): Promise<void> {
  if (by.principal === undefined) return
  await requireAuthorityOver(trx, by.principal, principalId, by.now)
}
