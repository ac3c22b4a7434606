/** The audit entry of a sign-in at the built-in issuer, and the last look at who it is. */

import { appendAudit } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'
import { selectAccount } from './account-queries.ts'
import { wrongPassword } from './check-password.ts'

export interface SignIn {
  readonly userId: string
  /** When the first proof was given: what an administrator did since then counts. */
  readonly provedAt: Date
  readonly acr: string
  /** RFC 8176. */
  readonly amr: readonly string[]
  /** Client ID of the program. */
  readonly clientId: string
  readonly requestId: string
}

/** Throws AppError UNAUTHENTICATED: disabled, deleted or reset since the first proof. */
export async function recordSignIn(
  deps: Pick<Deps, 'db' | 'clock'>,
  signIn: SignIn,
): Promise<void> {
  await deps.db.transaction().execute(async (trx) => {
    const user = await selectAccount(trx, signIn.userId)
    const resetAt = user?.credentials_valid_after
    const isOutdated = resetAt !== undefined && resetAt !== null && resetAt > signIn.provedAt
    if (user?.is_active !== true || isOutdated) throw wrongPassword()
    await appendAudit(trx, [
      {
        occurredAt: deps.clock.now(),
        action: 'account.signIn',
        outcome: 'success',
        actor: { type: 'user', id: user.id, name: user.user_principal_name },
        requestId: signIn.requestId,
        detail: { acr: signIn.acr, amr: signIn.amr.join(' '), clientId: signIn.clientId },
      },
    ])
  })
}
