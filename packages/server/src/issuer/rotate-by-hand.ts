/** A new key for the issuer's tokens, because an administrator wants one. */

import type { RotatedIssuerKey } from '@keydesk/contract'
import { auditActor, type ByPrincipal } from '../access/actor.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'
import { rotateSigningKey } from './signing-keys.ts'

/** Throws AppError STEP_UP_REQUIRED. */
export async function rotateByHand(deps: Deps, by: ByPrincipal): Promise<RotatedIssuerKey> {
  requireRecentSignIn(deps, by.principal)
  return await deps.db.transaction().execute(async (trx) => {
    const { keyId, signsFrom } = await rotateSigningKey(trx, deps)
    await appendAudit(trx, [
      {
        occurredAt: deps.clock.now(),
        action: 'issuerKey.rotate',
        outcome: 'success',
        actor: auditActor(by.principal),
        requestId: by.requestId,
        detail: { keyId },
      },
    ])
    return { keyId, signsFrom: signsFrom.toISOString() }
  })
}
