/**
 * Sets up the authenticator app, once its first code shows that it has the secret, together with
 * new backup codes: neither stands without the other.
 */

import { appendAudit } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { lockAccount, type AccountRow } from './account-queries.ts'
import { backupCodeHash, createBackupCodes } from './backup-codes.ts'
import { requireNoSecondFactor } from './second-factors.ts'
import { throttleSecondFactor } from './throttle-guesses.ts'
import { sealTotpSecret, totpStep } from './totp.ts'
import { insertTotp, replaceBackupCodes, selectTotp } from './totp-queries.ts'

type Owner = Pick<AccountRow, 'id' | 'user_principal_name'>

/**
 * The backup codes, to be shown this once. Throws AppError UNAUTHENTICATED, TOO_MANY_REQUESTS;
 * INVALID_REQUEST where there is an app, and FORBIDDEN where it is to be the first second factor
 * and there is one: of two set-ups at once, one is refused.
 */
export async function addTotp(
  deps: Pick<Deps, 'db' | 'keyring' | 'clock'>,
  owner: Owner,
  wanted: { secret: Uint8Array; code: string; isFirst: boolean },
  requestId: string,
): Promise<readonly string[]> {
  const now = deps.clock.now()
  const guess = await throttleSecondFactor(deps, owner.id)
  const step = totpStep(wanted.secret, wanted.code, now)
  if (step === undefined) {
    throw new AppError(
      'UNAUTHENTICATED',
      'This is not the code that the app shows now. Is the clock of the phone right?',
    )
  }
  await guess.wasRight()
  const codes = createBackupCodes()
  await deps.db.transaction().execute(async (trx) => {
    await lockAccount(trx, owner.id)
    if (wanted.isFirst) await requireNoSecondFactor(trx, deps, owner.id)
    if ((await selectTotp(trx, owner.id)) !== undefined) {
      throw new AppError(
        'INVALID_REQUEST',
        'There is an authenticator app already. Remove it before you set up another one.',
      )
    }
    await insertTotp(trx, {
      userId: owner.id,
      sealedSecret: sealTotpSecret(deps.keyring, owner.id, wanted.secret),
      lastStep: step,
      now,
    })
    await replaceBackupCodes(trx, owner.id, hashesOf(deps, owner.id, codes), now)
    await appendAudit(trx, [
      {
        occurredAt: now,
        action: 'account.addTotp',
        outcome: 'success',
        actor: { type: 'user', id: owner.id, name: owner.user_principal_name },
        requestId,
      },
    ])
  })
  return codes
}

/** New backup codes; the old ones end. To be shown this once. */
export async function renewBackupCodes(
  deps: Pick<Deps, 'db' | 'keyring' | 'clock'>,
  owner: Owner,
  requestId: string,
): Promise<readonly string[]> {
  const now = deps.clock.now()
  const codes = createBackupCodes()
  await deps.db.transaction().execute(async (trx) => {
    await replaceBackupCodes(trx, owner.id, hashesOf(deps, owner.id, codes), now)
    await appendAudit(trx, [
      {
        occurredAt: now,
        action: 'account.renewBackupCodes',
        outcome: 'success',
        actor: { type: 'user', id: owner.id, name: owner.user_principal_name },
        requestId,
      },
    ])
  })
  return codes
}

function hashesOf(
  { keyring }: Pick<Deps, 'keyring'>,
  userId: string,
  codes: readonly string[],
): Buffer[] {
  return codes.map((code) => {
    const hash = backupCodeHash(keyring, userId, code)
    if (hash === undefined) throw new TypeError('a backup code that cannot be typed')
    return hash
  })
}
