/** Adds a passkey to a user, up to a number. */

import { LIMITS } from '@keydesk/contract'
import { appendAudit } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { lockAccount, type AccountRow } from './account-queries.ts'
import { insertPasskey, selectPasskeys } from './passkey-queries.ts'
import { verifyNewPasskey, type ChallengeUse } from './passkeys.ts'
import { requireNoSecondFactor } from './second-factors.ts'

/**
 * Throws AppError INVALID_REQUEST; FORBIDDEN where it is to be the first second factor and there is
 * one.
 */
export async function addPasskey(
  deps: Pick<Deps, 'config' | 'db' | 'keyring' | 'clock'>,
  owner: Pick<AccountRow, 'id' | 'user_principal_name'>,
  wanted: { use: ChallengeUse; name: string; answerText: string; isFirst: boolean },
  requestId: string,
): Promise<void> {
  const { use, name, answerText } = wanted
  const row = await verifyNewPasskey(deps, use, { userId: owner.id, name, answerText })
  await deps.db.transaction().execute(async (trx) => {
    await lockAccount(trx, owner.id)
    if (wanted.isFirst) await requireNoSecondFactor(trx, deps, owner.id)
    if ((await selectPasskeys(trx, owner.id)).length >= LIMITS.passkeysPerUserMax) {
      throw new AppError(
        'INVALID_REQUEST',
        `There are ${LIMITS.passkeysPerUserMax} passkeys already. Remove one first.`,
      )
    }
    if (!(await insertPasskey(trx, row))) {
      throw new AppError('INVALID_REQUEST', 'This passkey is in use already.')
    }
    await appendAudit(trx, [
      {
        occurredAt: row.created_at,
        action: 'account.addPasskey',
        outcome: 'success',
        actor: { type: 'user', id: owner.id, name: owner.user_principal_name },
        requestId,
        detail: { passkeyId: row.id, isBackedUp: row.is_backed_up },
      },
    ])
  })
}
