/**
 * The second factor by code: of the authenticator app or a backup code. Guesses are limited by
 * account wherever they come from; only somebody who knows the password gets here. A browser that
 * has signed in before has a limit of its own, so that whoever learned the password does not keep
 * the owner out.
 */

import { appendAudit } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import type { AccountRow } from './account-queries.ts'
import { backupCodeHash } from './backup-codes.ts'
import { knownBrowserId } from './known-browser.ts'
import { throttleSecondFactor } from './throttle-guesses.ts'
import { openTotpSecret, totpStep } from './totp.ts'
import { selectTotp, takeBackupCode, takeStep } from './totp-queries.ts'

type CodeDeps = Pick<Deps, 'db' | 'keyring' | 'clock'>

export interface CodeGuess {
  readonly code: string
  /** The cookie of a known browser, whatever it says. */
  readonly browserCookie: string | undefined
}

/** Which kind of code it was. Throws AppError UNAUTHENTICATED, TOO_MANY_REQUESTS. */
export async function checkCode(
  deps: CodeDeps,
  account: Pick<AccountRow, 'id' | 'user_principal_name'>,
  { code, browserCookie }: CodeGuess,
  requestId: string,
): Promise<'totp' | 'backupCode'> {
  const browserId = knownBrowserId(deps.keyring, browserCookie, account.id)
  const guess = await throttleSecondFactor(deps, account.id, browserId)
  const kind = (await isTotpCode(deps, account.id, code))
    ? 'totp'
    : (await isBackupCode(deps, account, code, requestId))
      ? 'backupCode'
      : undefined
  if (kind === undefined) {
    throw new AppError(
      'UNAUTHENTICATED',
      'This code is not right, or was used already. Wait for the next one.',
    )
  }
  await guess.wasRight()
  return kind
}

async function isTotpCode(deps: CodeDeps, userId: string, code: string): Promise<boolean> {
  const totp = await selectTotp(deps.db, userId)
  if (totp === undefined) return false
  const secret = openTotpSecret(deps.keyring, userId, totp.sealed_secret)
  const step = secret && totpStep(secret, code, deps.clock.now())
  return step !== undefined && (await takeStep(deps.db, userId, step))
}

async function isBackupCode(
  deps: CodeDeps,
  account: Pick<AccountRow, 'id' | 'user_principal_name'>,
  code: string,
  requestId: string,
): Promise<boolean> {
  const hash = backupCodeHash(deps.keyring, account.id, code)
  if (hash === undefined) return false
  return await deps.db.transaction().execute(async (trx) => {
    const now = deps.clock.now()
    if (!(await takeBackupCode(trx, account.id, hash, now))) return false
    await appendAudit(trx, [
      {
        occurredAt: now,
        action: 'account.useBackupCode',
        outcome: 'success',
        actor: { type: 'user', id: account.id, name: account.user_principal_name },
        requestId,
      },
    ])
    return true
  })
}
