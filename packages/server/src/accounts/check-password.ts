/**
 * User name and password. Whoever is unknown, disabled, without a password or wrong gets the same
 * answer after the same work, so nobody learns who has an account.
 */

import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { replaceHash, selectAccountByName, type AccountRow } from './account-queries.ts'
import { knownBrowserId } from './known-browser.ts'
import type { PasswordHasher } from './password-hash.ts'
import { throttlePassword } from './throttle-guesses.ts'

export interface PasswordGuess {
  /** As it was typed. */
  readonly userName: string
  readonly password: string
  readonly address: string
  /** The cookie of a known browser, whatever it says. */
  readonly browserCookie: string | undefined
}

/** Stands in for a user that does not exist: the hash is computed all the same. */
const NOBODY = '00000000-0000-0000-0000-000000000000'

/** Throws AppError UNAUTHENTICATED, TOO_MANY_REQUESTS. */
export async function checkPassword(
  deps: Pick<Deps, 'db' | 'keyring' | 'clock' | 'log'>,
  hasher: PasswordHasher,
  { userName, password, address, browserCookie }: PasswordGuess,
): Promise<AccountRow> {
  const account = await selectAccountByName(deps.db, userName.trim())
  const browserId = knownBrowserId(deps.keyring, browserCookie, account?.id)
  const guess = await throttlePassword(deps, {
    account: userName.trim(),
    address,
    knownBrowserId: browserId,
  })
  const stored = account?.password_hash ?? undefined
  const line = browserId === undefined ? 'strangers' : 'known'
  const isRight = await hasher.verify(account?.id ?? NOBODY, stored, password, line)
  if (!isRight || account?.is_active !== true || stored === undefined) {
    throw wrongPassword()
  }
  await guess.wasRight()
  if (hasher.isOutdated(stored)) {
    await replaceHash(deps.db, account.id, stored, await hasher.hash(account.id, password))
  }
  return account
}

export function wrongPassword(): AppError {
  return new AppError('UNAUTHENTICATED', 'The user name or the password is not right.')
}
