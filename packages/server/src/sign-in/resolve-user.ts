/**
 * Whose account a sign-in with an external issuer is: the one that signed in with this identity
 * before; else the one that was provisioned under it (SCIM externalId); else a new one, where the
 * settings allow that. Never by name or mail address: who may choose those at the issuer would
 * choose the account. A name that another account has is refused, not joined.
 */

import type { Transaction } from 'kysely'
import { appendAudit } from '../audit/append-audit.ts'
import type { Config } from '../config.ts'
import type { Database } from '../db/schema.ts'
import { addUser } from '../directory/add-user.ts'
import type { ChangedBy } from '../directory/changed-by.ts'
import { AppError } from '../errors.ts'
import type { Person } from './person-claims.ts'
import {
  bindUser,
  isNameTaken,
  lockUserById,
  lockUserBySubject,
  lockUsersByExternalId,
  updateFacts,
  type SignInUser,
} from './user-queries.ts'

export interface Identity {
  readonly issuer: string
  readonly person: Person
}

type Settings = Pick<Config, 'oidcNewUsers'>

/** Throws AppError SIGN_IN_REFUSED. */
export async function resolveUser(
  trx: Transaction<Database>,
  settings: Settings,
  by: ChangedBy,
  identity: Identity,
): Promise<SignInUser> {
  const { issuer, person } = identity
  const known = await lockUserBySubject(trx, issuer, person.subject)
  if (known !== undefined) return await withCurrentFacts(trx, by, known, person)
  const provisioned = await provisionedUser(trx, by, identity)
  if (provisioned !== undefined) return provisioned
  return await newUser(trx, settings, by, identity)
}

/** Throws AppError SIGN_IN_REFUSED unless the user may sign in. */
export function requireActive(user: SignInUser): void {
  if (user.is_active) return
  throw new AppError('SIGN_IN_REFUSED', 'Your account is disabled. Ask an administrator.')
}

async function provisionedUser(
  trx: Transaction<Database>,
  by: ChangedBy,
  { issuer, person }: Identity,
): Promise<SignInUser | undefined> {
  const [user, another] = await lockUsersByExternalId(trx, person.subject)
  if (user === undefined) return undefined
  if (another !== undefined || user.subject !== null) {
    throw new AppError(
      'SIGN_IN_REFUSED',
      'More than one account here was provisioned for you. Ask an administrator to delete the wrong one.',
    )
  }
  await bindUser(trx, user.id, { issuer, subject: person.subject, now: by.now })
  await appendAudit(trx, [
    {
      occurredAt: by.now,
      action: 'user.update',
      outcome: 'success',
      actor: by.actor,
      requestId: by.requestId,
      detail: { userId: user.id, issuer, subject: person.subject },
    },
  ])
  return { ...user, issuer, subject: person.subject }
}

async function newUser(
  trx: Transaction<Database>,
  { oidcNewUsers }: Settings,
  by: ChangedBy,
  { issuer, person }: Identity,
): Promise<SignInUser> {
  const name = person.userPrincipalName
  if (oidcNewUsers === 'refuse') {
    throw new AppError(
      'SIGN_IN_REFUSED',
      'You have no account here, and accounts are not made by signing in. Ask an administrator.',
    )
  }
  if (name === undefined) {
    throw new AppError(
      'SIGN_IN_REFUSED',
      'The issuer sends no user name of the form name@domain. The administrator can name another claim by KEYDESK_OIDC_CLAIM_UPN.',
    )
  }
  if (await isNameTaken(trx, name, undefined)) {
    throw new AppError(
      'SIGN_IN_REFUSED',
      `The name ${name} belongs to another account here, which is never joined by its name. Ask an administrator.`,
    )
  }
  const added = await addUser(
    trx,
    by,
    {
      userPrincipalName: name,
      displayName: person.displayName ?? name,
      ...(person.mail === undefined ? {} : { mail: person.mail }),
    },
    { source: 'issuer', identity: { issuer, subject: person.subject } },
  )
  const user = await lockUserById(trx, added.id)
  if (user === undefined) throw new TypeError('a user that was just added is gone')
  return user
}

/** Names follow the issuer for users that it made; SCIM keeps those that it provisioned. */
async function withCurrentFacts(
  trx: Transaction<Database>,
  by: ChangedBy,
  user: SignInUser,
  person: Person,
): Promise<SignInUser> {
  if (user.source !== 'issuer') return user
  const name = person.userPrincipalName ?? user.user_principal_name
  const isFree = !(await isNameTaken(trx, name, user.id))
  const facts = {
    user_principal_name: isFree ? name : user.user_principal_name,
    display_name: person.displayName ?? user.display_name,
    mail: person.mail ?? user.mail,
  }
  const changed = Object.entries(facts).filter(
    ([key, value]) => user[key as keyof typeof facts] !== value,
  )
  if (changed.length === 0) return user
  await updateFacts(trx, user.id, facts, by.now)
  await appendAudit(trx, [
    {
      occurredAt: by.now,
      action: 'user.update',
      outcome: 'success',
      actor: by.actor,
      requestId: by.requestId,
      detail: {
        userId: user.id,
        changed: changed.map(([key]) => key).join(' '),
        userPrincipalName: facts.user_principal_name,
      },
    },
  ])
  return { ...user, ...facts }
}
