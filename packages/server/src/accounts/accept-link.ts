/** Sets a password by an invitation or a reset: whoever has the link is believed, once. */

import type { Kysely } from 'kysely'
import { holdsRoles } from '../access/require-authority-over.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { selectAccount, upsertPassword, type AccountRow } from './account-queries.ts'
import { findOneTimeLink, useOneTimeLink, type OneTimeLink } from './one-time-link.ts'
import type { PasswordHasher } from './password-hash.ts'
import { passwordProblem } from './password-rules.ts'

/** Whose link it is. Throws AppError NOT_FOUND. */
export async function ownerOfLink(
  db: Kysely<Database>,
  deps: Pick<Deps, 'clock'>,
  link: OneTimeLink,
): Promise<AccountRow> {
  const account = link.userId === undefined ? undefined : await selectAccount(db, link.userId)
  if (account?.is_active !== true) {
    throw new AppError('NOT_FOUND', 'This account cannot be used. Ask your administrator.')
  }
  if (!link.isOverRoles && (await holdsRoles(db, account.id, deps.clock.now()))) {
    throw new AppError(
      'NOT_FOUND',
      'This account was given a role since. Ask whoever gives roles for a new link.',
    )
  }
  return account
}

/** Throws AppError NOT_FOUND, INVALID_REQUEST (the password, with a sentence). */
export async function acceptLink(
  deps: Deps,
  hasher: PasswordHasher,
  token: string,
  password: string,
  requestId: string,
): Promise<void> {
  // Before the expensive hash: strangers without a link cost nothing.
  const account = await ownerOfLink(deps.db, deps, await findOneTimeLink(deps.db, deps, token))
  const problem = passwordProblem(password, {
    userPrincipalName: account.user_principal_name,
    displayName: account.display_name,
  })
  if (problem !== undefined) throw new AppError('INVALID_REQUEST', problem)
  const hash = await hasher.hash(account.id, password)
  await deps.db.transaction().execute(async (trx) => {
    const now = deps.clock.now()
    const link = await useOneTimeLink(trx, deps, token)
    await ownerOfLink(trx, deps, link)
    await upsertPassword(trx, { userId: account.id, hash, now })
    await appendAudit(trx, [
      {
        occurredAt: now,
        action: 'account.redeemLink',
        outcome: 'success',
        actor: { type: 'user', id: account.id, name: account.user_principal_name },
        requestId,
        detail: { linkId: link.id, purpose: link.purpose },
      },
    ])
  })
}
