/**
 * Makes a user the Global Administrator by the link that sets up the service. For the built-in
 * issuer the user is made with it; with an external one, whoever comes back from its sign-in with
 * the link gets the role.
 */

import { randomUUID } from 'node:crypto'
import { GLOBAL_ADMINISTRATOR, type CreateFirstAdministrator } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { insertGlobalAdministrator, insertLocalUser, selectAccount } from './account-queries.ts'
import { upsertPassword } from './account-queries.ts'
import { findOneTimeLink, useOneTimeLink } from './one-time-link.ts'
import type { PasswordHasher } from './password-hash.ts'
import { passwordProblem } from './password-rules.ts'

/** Throws AppError NOT_FOUND. The role is given and the link used up, or neither. */
export async function redeemSetupLink(
  trx: Transaction<Database>,
  deps: Pick<Deps, 'config' | 'keyring' | 'clock'>,
  token: string,
  userId: string,
  requestId?: string,
): Promise<void> {
  const now = deps.clock.now()
  const link = await useOneTimeLink(trx, deps, token)
  const user = await selectAccount(trx, userId)
  if (link.purpose !== 'setup' || user?.is_active !== true) {
    throw new AppError('NOT_FOUND', 'This link is not for this person.')
  }
  await insertGlobalAdministrator(trx, { id: randomUUID(), userId, now })
  await appendAudit(trx, [
    {
      occurredAt: now,
      action: 'setupLink.redeem',
      outcome: 'success',
      actor: { type: 'user', id: userId, name: user.user_principal_name },
      requestId,
      detail: { linkId: link.id, userId, roleId: GLOBAL_ADMINISTRATOR, scope: '/' },
    },
  ])
}

/**
 * Makes the user as well (built-in issuer). Throws AppError NOT_FOUND, INVALID_REQUEST (the
 * password, with a sentence), NAME_TAKEN.
 */
export async function createFirstAdministrator(
  deps: Deps,
  hasher: PasswordHasher,
  token: string,
  wanted: CreateFirstAdministrator,
  requestId: string,
): Promise<void> {
  const { userPrincipalName, displayName, password } = wanted
  // Before the expensive hash: strangers without a link cost nothing.
  const link = await findOneTimeLink(deps.db, deps, token)
  if (link.purpose !== 'setup') throw new AppError('NOT_FOUND', 'This link is for something else.')
  const problem = passwordProblem(password, wanted)
  if (problem !== undefined) throw new AppError('INVALID_REQUEST', problem)
  const id = randomUUID()
  const hash = await hasher.hash(id, password)
  await deps.db.transaction().execute(async (trx) => {
    const now = deps.clock.now()
    if (!(await insertLocalUser(trx, { id, userPrincipalName, displayName, now }))) {
      throw new AppError('NAME_TAKEN', 'Somebody has this user name already. Choose another one.')
    }
    await upsertPassword(trx, { userId: id, hash, now })
    await redeemSetupLink(trx, deps, token, id, requestId)
  })
}
