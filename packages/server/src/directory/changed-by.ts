/** Who changes the directory, and when: what every rule here needs for its audit entries. */

import { auditActor, type PrincipalActor } from '../access/actor.ts'
import {
  holdsRoles,
  isInSelfServicePolicy,
  requireAuthorityOver,
} from '../access/require-authority-over.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
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
  /** By which the sign-in of `principal` is judged; absent where there is no principal. */
  readonly deps?: Pick<Deps, 'config' | 'clock'>
}

export function changedBy(
  deps: Pick<Deps, 'config' | 'clock'>,
  principal: PrincipalActor,
  requestId: string,
): ChangedBy {
  return { actor: auditActor(principal), principal, now: deps.clock.now(), requestId, deps }
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

/**
 * For what decides who is in a group: where it holds roles, or the self-service policy names it,
 * whoever comes in gets what they give. So that needs a recent sign-in as well. Throws AppError
 * FORBIDDEN, STEP_UP_REQUIRED.
 */
export async function requireAuthorityOverGroup(
  trx: Transaction<Database>,
  by: ChangedBy,
  groupId: string,
): Promise<void> {
  const { principal, deps, now } = by
  if (principal === undefined) return
  await requireAuthority(trx, by, groupId)
  const givesMuch =
    (await holdsRoles(trx, groupId, now)) || (await isInSelfServicePolicy(trx, groupId))
  if (!givesMuch) return
  if (deps === undefined) throw new TypeError('the sign-in of a principal cannot be judged')
  requireRecentSignIn(deps, principal)
}
