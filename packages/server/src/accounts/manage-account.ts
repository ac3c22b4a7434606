/**
 * What somebody changes about how he signs in himself. Each change is on record. What takes a way
 * in away ends all sign-ins but the one that it is done in.
 */

import type { AuditAction } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import type { StartedSession } from '../sessions/start-session.ts'
import { lockAccount, upsertPassword, type AccountRow } from './account-queries.ts'
import { checkPassword, type PasswordGuess } from './check-password.ts'
import { deletePasskey, renamePasskey } from './passkey-queries.ts'
import type { PasswordHasher } from './password-hash.ts'
import { passwordProblem } from './password-rules.ts'
import { restartSession, type OwnBrowser } from './restart-session.ts'
import { deleteBackupCodes, deleteTotp } from './totp-queries.ts'

export interface Owner {
  readonly account: AccountRow
  readonly requestId: string
}

/** And in which browser. */
export interface OwnerAtBrowser extends Owner, OwnBrowser {}

/**
 * The session to go on with. Throws AppError UNAUTHENTICATED, TOO_MANY_REQUESTS (the old one),
 * INVALID_REQUEST (the new).
 */
export async function changePassword(
  deps: Deps,
  hasher: PasswordHasher,
  owner: OwnerAtBrowser,
  guess: Omit<PasswordGuess, 'userName'>,
  newPassword: string,
): Promise<StartedSession> {
  const { account } = owner
  await checkPassword(deps, hasher, { ...guess, userName: account.user_principal_name })
  const problem = passwordProblem(newPassword, {
    userPrincipalName: account.user_principal_name,
    displayName: account.display_name,
  })
  if (problem !== undefined) throw new AppError('INVALID_REQUEST', problem)
  const hash = await hasher.hash(account.id, newPassword)
  return await deps.db.transaction().execute(async (trx) => {
    await lockAccount(trx, account.id)
    await upsertPassword(trx, { userId: account.id, hash, now: deps.clock.now() })
    await record(trx, deps, owner, 'account.changePassword')
    return await restartSession(trx, deps, owner)
  })
}

/**
 * With the backup codes, which stand in for its codes. The session to go on with; undefined: there
 * was no app.
 */
export async function removeTotp(
  deps: Deps,
  owner: OwnerAtBrowser,
): Promise<StartedSession | undefined> {
  return await deps.db.transaction().execute(async (trx) => {
    await lockAccount(trx, owner.account.id)
    if (!(await deleteTotp(trx, owner.account.id))) return undefined
    await deleteBackupCodes(trx, owner.account.id)
    await record(trx, deps, owner, 'account.removeTotp')
    return await restartSession(trx, deps, owner)
  })
}

/** Throws AppError NOT_FOUND. */
export async function renameOwnPasskey(
  deps: Deps,
  owner: Owner,
  id: string,
  name: string,
): Promise<void> {
  await deps.db.transaction().execute(async (trx) => {
    if (!(await renamePasskey(trx, { id, userId: owner.account.id, name }))) throw noPasskey()
    await record(trx, deps, owner, 'account.renamePasskey', { passkeyId: id })
  })
}

/** The session to go on with. Throws AppError NOT_FOUND. */
export async function removeOwnPasskey(
  deps: Deps,
  owner: OwnerAtBrowser,
  id: string,
): Promise<StartedSession> {
  return await deps.db.transaction().execute(async (trx) => {
    await lockAccount(trx, owner.account.id)
    if (!(await deletePasskey(trx, { id, userId: owner.account.id }))) throw noPasskey()
    await record(trx, deps, owner, 'account.removePasskey', { passkeyId: id })
    return await restartSession(trx, deps, owner)
  })
}

async function record(
  trx: Transaction<Database>,
  { clock }: Pick<Deps, 'clock'>,
  { account, requestId }: Owner,
  action: AuditAction,
  detail: Record<string, string> = {},
): Promise<void> {
  await appendAudit(trx, [
    {
      occurredAt: clock.now(),
      action,
      outcome: 'success',
      actor: { type: 'user', id: account.id, name: account.user_principal_name },
      requestId,
      detail,
    },
  ])
}

function noPasskey(): AppError {
  return new AppError('NOT_FOUND', 'There is no such passkey of yours.')
}
