/** What somebody changes about how he signs in himself. Each change is on record. */

import type { AuditAction } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { upsertPassword, type AccountRow } from './account-queries.ts'
import { checkPassword, type PasswordGuess } from './check-password.ts'
import { deletePasskey, renamePasskey } from './passkey-queries.ts'
import type { PasswordHasher } from './password-hash.ts'
import { passwordProblem } from './password-rules.ts'
import { deleteBackupCodes, deleteTotp } from './totp-queries.ts'

export interface Owner {
  readonly account: AccountRow
  readonly requestId: string
}

/** Throws AppError UNAUTHENTICATED, TOO_MANY_REQUESTS (the old one), INVALID_REQUEST (the new). */
export async function changePassword(
  deps: Deps,
  hasher: PasswordHasher,
  { account, requestId }: Owner,
  guess: Omit<PasswordGuess, 'userName'>,
  newPassword: string,
): Promise<void> {
  await checkPassword(deps, hasher, { ...guess, userName: account.user_principal_name })
  const problem = passwordProblem(newPassword, {
    userPrincipalName: account.user_principal_name,
    displayName: account.display_name,
  })
  if (problem !== undefined) throw new AppError('INVALID_REQUEST', problem)
  const hash = await hasher.hash(account.id, newPassword)
  await deps.db.transaction().execute(async (trx) => {
    await upsertPassword(trx, { userId: account.id, hash, now: deps.clock.now() })
    await record(trx, deps, { account, requestId }, 'account.changePassword')
  })
}

/** With the backup codes, which stand in for its codes. Idempotent. */
export async function removeTotp(deps: Deps, owner: Owner): Promise<void> {
  await deps.db.transaction().execute(async (trx) => {
    if (!(await deleteTotp(trx, owner.account.id))) return
    await deleteBackupCodes(trx, owner.account.id)
    await record(trx, deps, owner, 'account.removeTotp')
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

/** Throws AppError NOT_FOUND. */
export async function removeOwnPasskey(deps: Deps, owner: Owner, id: string): Promise<void> {
  await deps.db.transaction().execute(async (trx) => {
    if (!(await deletePasskey(trx, { id, userId: owner.account.id }))) throw noPasskey()
    await record(trx, deps, owner, 'account.removePasskey', { passkeyId: id })
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
