/**
 * Finishes a sign-in: the answer counts once, then the person gets an account, its groups and a new
 * session in one transaction, with the audit entries. A refusal is on record too.
 */

import type { Transaction } from 'kysely'
import { redeemSetupLink } from '../accounts/redeem-setup-link.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import type { ChangedBy } from '../directory/changed-by.ts'
import { AppError } from '../errors.ts'
import { startSession, type StartedSession } from '../sessions/start-session.ts'
import type { IssuerClient } from './issuer-client.ts'
import { readPerson, type Person } from './person-claims.ts'
import { redeemCode, type ProvenSignIn } from './redeem-code.ts'
import { requireActive, resolveUser } from './resolve-user.ts'
import { ATTEMPT_SECONDS, stateHash, type SignInAttempt } from './sign-in-attempt.ts'
import { useState } from './state-queries.ts'
import { takeClaimGroups } from './take-claim-groups.ts'
import { lockUserById, type SignInUser } from './user-queries.ts'

export interface IssuerAnswer {
  /** The address that the issuer sent the browser to, with its parameters. */
  readonly address: URL
  readonly attempt: SignInAttempt
  readonly ipAddress: string
  readonly userAgent: string | undefined
  readonly requestId: string
  /** The session that the browser has now. */
  readonly replaces: { readonly id: string; readonly userId: string } | undefined
}

/** Throws AppError SIGN_IN_FAILED, SIGN_IN_REFUSED, ISSUER_UNAVAILABLE, NOT_FOUND (setup link). */
export async function finishSignIn(
  deps: Deps,
  issuer: IssuerClient,
  answer: IssuerAnswer,
): Promise<StartedSession> {
  const { attempt } = answer
  const expiresAt = new Date(attempt.beganAt + 2 * ATTEMPT_SECONDS * 1000)
  if (!(await useState(deps.db, stateHash(attempt.state), expiresAt))) {
    throw new AppError('SIGN_IN_FAILED', 'This answer of the issuer was used already.')
  }
  const client = await issuer.configuration()
  const proven = await redeemCode(deps, client, answer.address, attempt)
  try {
    return await deps.db
      .transaction()
      .execute(async (trx) => await admit(trx, deps, answer, proven))
  } catch (error) {
    if (error instanceof AppError && error.status < 500) {
      await recordRefusal(deps, answer, proven, error)
    }
    throw error
  }
}

async function admit(
  trx: Transaction<Database>,
  deps: Deps,
  answer: IssuerAnswer,
  proven: ProvenSignIn,
): Promise<StartedSession> {
  const { attempt, requestId } = answer
  const now = deps.clock.now()
  const user = await userOf(trx, deps, answer, proven)
  requireActive(user)
  if (attempt.stepUpOf !== undefined && attempt.stepUpOf !== user.id) {
    throw new AppError(
      'SIGN_IN_REFUSED',
      `You signed in again as ${user.user_principal_name}, who is not the one signed in here. You are still signed in as before.`,
    )
  }
  if (attempt.setupLink !== undefined) {
    await redeemSetupLink(trx, deps, attempt.setupLink, user.id, requestId)
  }
  const session = await startSession(trx, deps, { ...proven, ...answer, userId: user.id }, now)
  await appendAudit(trx, [
    {
      occurredAt: now,
      action: 'session.start',
      outcome: 'success',
      actor: { type: 'user', id: user.id, name: user.user_principal_name },
      requestId,
      detail: {
        sessionId: session.id,
        issuer: attempt.issuer,
        isStepUp: attempt.isStepUp,
        methods: proven.amr.join(' '),
        ...(answer.replaces === undefined ? {} : { replaces: answer.replaces.id }),
        ...(proven.acr === undefined ? {} : { acr: proven.acr }),
      },
    },
  ])
  return session
}

async function userOf(
  trx: Transaction<Database>,
  deps: Deps,
  { attempt, requestId }: IssuerAnswer,
  proven: ProvenSignIn,
): Promise<SignInUser> {
  const { config, log } = deps
  if (config.oidcIssuer === undefined) return await ownUser(trx, proven)
  const person = readPerson(config, proven.idTokenClaims, proven.claims)
  const now = deps.clock.now()
  const system: ChangedBy = { actor: { type: 'system' }, principal: undefined, now, requestId }
  const user = await resolveUser(trx, config, system, { issuer: attempt.issuer, person })
  requireActive(user)
  if (person.hasGroupOverage) {
    log.warn(
      { userId: user.id },
      'the issuer left out the groups of a user because there are too many: he has none by the ' +
        'groups claim. Have it send only the groups that are assigned to this application.',
    )
  }
  const by: ChangedBy = { ...system, actor: actorOf(user) }
  await takeClaimGroups(trx, by, user.id, groupsOf(person))
  return user
}

function groupsOf(person: Person): readonly string[] {
  return person.groups ?? []
}

/**
 * The subject of the built-in issuer is the user's ID. The row stays locked: a reset comes before
 * this sign-in, which is then too old, or after it, and ends its session.
 */
async function ownUser(
  trx: Transaction<Database>,
  { idTokenClaims, authenticatedAt }: ProvenSignIn,
): Promise<SignInUser> {
  const user = await lockUserById(trx, String(idTokenClaims['sub']))
  if (user === undefined) {
    throw new AppError('SIGN_IN_REFUSED', 'This account is not here any more.')
  }
  const { credentials_valid_after: validAfter } = user
  if (validAfter !== null && (authenticatedAt?.getTime() ?? 0) <= validAfter.getTime()) {
    throw new AppError('SIGN_IN_REFUSED', 'You were signed out everywhere meanwhile. Start again.')
  }
  return user
}

function actorOf(user: SignInUser) {
  return { type: 'user', id: user.id, name: user.user_principal_name } as const
}

/** Never throws: the sign-in is refused in any case. */
async function recordRefusal(
  deps: Deps,
  { attempt, requestId }: IssuerAnswer,
  { idTokenClaims }: ProvenSignIn,
  refusal: AppError,
): Promise<void> {
  try {
    await deps.db.transaction().execute(async (trx) => {
      await appendAudit(trx, [
        {
          occurredAt: deps.clock.now(),
          action: 'signIn.refuse',
          outcome: 'denied',
          actor: { type: 'anonymous' },
          requestId,
          detail: {
            code: refusal.code,
            reason: refusal.message,
            issuer: attempt.issuer,
            subject: String(idTokenClaims['sub']).slice(0, 255),
          },
        },
      ])
    })
  } catch (error) {
    deps.log.error({ err: error }, 'a refused sign-in could not be audited')
  }
}
