/**
 * What an administrator does for how somebody signs in: an invitation to choose the first password,
 * or a reset, which ends the old one and every sign-in at once. Both give a link that works once.
 *
 * Nobody climbs this way: over a user who holds roles it needs the authority to give roles, and a
 * link made without it does not work for a user who was given one in the meantime.
 */

import { LIMITS, type AuditAction, type CreatedLink, type ResetPassword } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { auditActor, type PrincipalActor } from '../access/actor.ts'
import { reachesEverywhere } from '../access/grants.ts'
import { GIVE_ROLES, requireAuthorityOver } from '../access/require-authority-over.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { endSignIns } from '../directory/end-sign-ins.ts'
import { AppError } from '../errors.ts'
import { deletePassword, lockAccount, selectAccount, type AccountRow } from './account-queries.ts'
import { createOneTimeLink, type LinkPurpose } from './one-time-link.ts'
import { deletePasskeys } from './passkey-queries.ts'
import { deleteBackupCodes, deleteTotp } from './totp-queries.ts'

export interface ByPrincipal {
  readonly principal: PrincipalActor
  readonly requestId: string
}

/** Throws AppError NOT_FOUND, FORBIDDEN, STEP_UP_REQUIRED, INVALID_REQUEST. */
export async function inviteUser(
  deps: Deps,
  by: ByPrincipal,
  userId: string,
): Promise<CreatedLink> {
  return await deps.db.transaction().execute(async (trx) => {
    const account = await accountUnder(trx, deps, by, userId)
    if (account.password_hash !== null) {
      throw new AppError('INVALID_REQUEST', 'This user has a password. Reset it instead.')
    }
    const seconds = LIMITS.invitationSeconds
    return await linkFor(trx, deps, by, account, { purpose: 'invitation', seconds })
  })
}

/**
 * The old password, every session and every token end now, not only when the link is used. Throws
 * AppError NOT_FOUND, FORBIDDEN, STEP_UP_REQUIRED, INVALID_REQUEST.
 */
export async function resetPassword(
  deps: Deps,
  by: ByPrincipal,
  userId: string,
  { removeSecondFactors = false }: ResetPassword,
): Promise<CreatedLink> {
  return await deps.db.transaction().execute(async (trx) => {
    const account = await accountUnder(trx, deps, by, userId)
    await deletePassword(trx, userId)
    if (removeSecondFactors) {
      await deleteTotp(trx, userId)
      await deleteBackupCodes(trx, userId)
      await deletePasskeys(trx, userId)
    }
    await endSignIns(trx, [userId], deps.clock.now(), 'byAdministrator')
    const seconds = LIMITS.passwordResetSeconds
    const detail = { removeSecondFactors }
    return await linkFor(trx, deps, by, account, { purpose: 'passwordReset', seconds, detail })
  })
}

async function accountUnder(
  trx: Transaction<Database>,
  deps: Deps,
  { principal }: ByPrincipal,
  userId: string,
): Promise<AccountRow> {
  requireRecentSignIn(deps, principal)
  await lockAccount(trx, userId)
  const account = await selectAccount(trx, userId)
  if (account === undefined) throw new AppError('NOT_FOUND', 'There is no user with this ID.')
  await requireAuthorityOver(trx, principal, userId, deps.clock.now())
  if (deps.config.oidcIssuer !== undefined) {
    throw new AppError('INVALID_REQUEST', 'People sign in at the issuer of the organisation.')
  }
  if (!account.is_active) {
    throw new AppError('INVALID_REQUEST', 'This user is disabled. Enable the user first.')
  }
  return account
}

const ACTIONS = {
  invitation: 'account.invite',
  passwordReset: 'account.resetPassword',
} as const satisfies Record<Exclude<LinkPurpose, 'setup'>, AuditAction>

async function linkFor(
  trx: Transaction<Database>,
  deps: Deps,
  { principal, requestId }: ByPrincipal,
  account: AccountRow,
  link: { purpose: keyof typeof ACTIONS; seconds: number; detail?: Record<string, boolean> },
): Promise<CreatedLink> {
  const { id, url, expiresAt } = await createOneTimeLink(trx, deps, {
    purpose: link.purpose,
    userId: account.id,
    isOverRoles: reachesEverywhere(principal.grants.reach(GIVE_ROLES)),
    createdBy: principal.id,
    expiresInSeconds: link.seconds,
  })
  await appendAudit(trx, [
    {
      occurredAt: deps.clock.now(),
      action: ACTIONS[link.purpose],
      outcome: 'success',
      actor: auditActor(principal),
      requestId,
      detail: {
        linkId: id,
        userId: account.id,
        userPrincipalName: account.user_principal_name,
        expiresAt: expiresAt.toISOString(),
        ...link.detail,
      },
    },
  ])
  return { url: url.reveal(), expiresAt: expiresAt.toISOString() }
}
