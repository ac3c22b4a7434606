/** SQL of browser sessions. */

import { sql, type Insertable, type Kysely, type Selectable, type Transaction } from 'kysely'
import type { Database, SessionTable } from '../db/schema.ts'

/** Why a session ended; the CHECK of the table has the same words. */
export type SessionEnd =
  | 'signOut'
  | 'renewed'
  | 'byUser'
  | 'byAdministrator'
  | 'userDisabled'
  | 'expired'

export type SessionRow = Selectable<SessionTable>

export async function insertSession(
  trx: Transaction<Database>,
  session: Insertable<SessionTable>,
): Promise<void> {
  await trx.insertInto('session').values(session).execute()
}

/** Ended ones too. */
export async function selectSession(
  db: Kysely<Database>,
  id: string,
): Promise<SessionRow | undefined> {
  return await db.selectFrom('session').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Nothing where a request at the same time was first. */
export async function touchSession(
  db: Kysely<Database>,
  id: string,
  seen: { readonly before: Date; readonly now: Date },
): Promise<void> {
  await db
    .updateTable('session')
    .set({ last_seen_at: seen.now })
    .where('id', '=', id)
    .where('last_seen_at', '<=', seen.before)
    .execute()
}

/** False: there is no such session of this user, or it has ended already. */
export async function endSession(
  trx: Transaction<Database>,
  session: { readonly id: string; readonly userId: string },
  end: { readonly at: Date; readonly reason: SessionEnd },
): Promise<boolean> {
  const ended = await trx
    .updateTable('session')
    .set({ ended_at: end.at, ended_reason: end.reason, sealed_id_token: null })
    .where('id', '=', session.id)
    .where('user_id', '=', session.userId)
    .where('ended_at', 'is', null)
    .returning('id')
    .executeTakeFirst()
  return ended !== undefined
}

/** Returns how many were open. */
export async function endUserSessions(
  trx: Transaction<Database>,
  userIds: readonly string[],
  end: { readonly at: Date; readonly reason: SessionEnd },
): Promise<number> {
  const ended = await trx
    .updateTable('session')
    .set({ ended_at: end.at, ended_reason: end.reason, sealed_id_token: null })
    .where('user_id', 'in', [...userIds])
    .where('ended_at', 'is', null)
    .returning('id')
    .execute()
  return ended.length
}

/** Those that are open and expire neither by age nor for not being used; newest first. */
export async function selectOpenSessions(
  db: Kysely<Database>,
  userId: string,
  at: { readonly now: Date; readonly idleSince: Date; readonly limit: number },
): Promise<SessionRow[]> {
  return await db
    .selectFrom('session')
    .selectAll()
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null)
    .where('expires_at', '>', at.now)
    .where('last_seen_at', '>', at.idleSince)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(at.limit)
    .execute()
}

/** Marks what has expired as ended, and deletes what ended before `keepSince`. */
export async function sweepSessions(
  db: Kysely<Database>,
  at: { readonly now: Date; readonly idleSince: Date; readonly keepSince: Date },
): Promise<void> {
  await db
    .updateTable('session')
    .set({ ended_at: at.now, ended_reason: 'expired', sealed_id_token: null })
    .where('ended_at', 'is', null)
    .where(sql<boolean>`(expires_at <= ${at.now} or last_seen_at <= ${at.idleSince})`)
    .execute()
  await db.deleteFrom('session').where('ended_at', '<', at.keepSince).execute()
}
