/**
 * The people of the directory as accounts of the built-in issuer. Whoever is disabled or deleted is
 * not an account: his codes and refresh tokens give nothing any more. Neither does a sign-in from
 * before his last reset, whatever row of it is still there or was stored again since.
 */

import { isGuid } from '@keydesk/contract'
import type { Kysely } from 'kysely'
import type { Account, AccountClaims } from 'oidc-provider'
import type { Database } from '../db/schema.ts'

/** The claims of each scope; oidc-provider picks from them what was asked for. */
export const CLAIMS_OF_SCOPES = {
  // How strong and how old the sign-in was is said to everybody: step-up hangs on it.
  openid: ['sub', 'auth_time', 'acr', 'amr'],
  profile: ['preferred_username', 'name', 'given_name', 'family_name'],
  email: ['email'],
  groups: ['groups'],
}

/** `signedInAt`: seconds since 1970, when the sign-in was that asks. */
export async function findAccount(
  db: Kysely<Database>,
  id: string,
  signedInAt: number | undefined,
): Promise<Account | undefined> {
  if (!isGuid(id)) return undefined
  const user = await db
    .selectFrom('directory_user')
    .select(['user_principal_name', 'display_name', 'given_name', 'family_name', 'mail'])
    .select('credentials_valid_after')
    .where('id', '=', id)
    .where('is_active', '=', true)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (user === undefined) return undefined
  const { credentials_valid_after: validAfter } = user
  if (validAfter !== null && (signedInAt ?? 0) * 1000 <= validAfter.getTime()) return undefined
  return {
    accountId: id,
    claims: async (_, scope): Promise<AccountClaims> => ({
      sub: id,
      preferred_username: user.user_principal_name,
      name: user.display_name,
      ...(user.given_name === null ? {} : { given_name: user.given_name }),
      ...(user.family_name === null ? {} : { family_name: user.family_name }),
      ...(user.mail === null ? {} : { email: user.mail }),
      ...(scope.split(' ').includes('groups') ? { groups: await groupsOf(db, id) } : {}),
    }),
  }
}

/** Group IDs. */
async function groupsOf(db: Kysely<Database>, userId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('group_member')
    .innerJoin('directory_group', 'directory_group.id', 'group_member.group_id')
    .select('directory_group.id')
    .where('group_member.user_id', '=', userId)
    .where('directory_group.deleted_at', 'is', null)
    .orderBy('directory_group.id')
    .execute()
  return rows.map(({ id }) => id)
}
