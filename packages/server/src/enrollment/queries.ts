/** SQL of enrolment tokens and of new devices. */

import { sql, type Insertable, type Kysely, type Selectable, type Transaction } from 'kysely'
import type { DeviceTable, EnrollmentTokenTable, Database } from '../db/schema.ts'

const TOKEN_COLUMNS = [
  'id',
  'name',
  'group_name',
  'uses_max',
  'uses_count',
  'created_at',
  'expires_at',
  'revoked_at',
] as const

export type TokenRow = Pick<Selectable<EnrollmentTokenTable>, (typeof TOKEN_COLUMNS)[number]>

export async function insertToken(
  trx: Transaction<Database>,
  token: Insertable<EnrollmentTokenTable>,
): Promise<TokenRow> {
  return await trx
    .insertInto('enrollment_token')
    .values(token)
    .returning(TOKEN_COLUMNS)
    .executeTakeFirstOrThrow()
}

export async function selectTokens(
  db: Kysely<Database>,
  page: { after: { at: Date; id: string } | undefined; limit: number },
): Promise<TokenRow[]> {
  let query = db.selectFrom('enrollment_token').select(TOKEN_COLUMNS)
  if (page.after !== undefined) {
    const { at, id } = page.after
    query = query.where(sql<boolean>`(created_at, id) < (${at}, ${id})`)
  }
  return await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(page.limit).execute()
}

/** Undefined: there is no such token. A token that is already revoked stays as it is. */
export async function revokeToken(
  trx: Transaction<Database>,
  id: string,
  now: Date,
): Promise<{ row: TokenRow; isNew: boolean } | undefined> {
  const current = await trx
    .selectFrom('enrollment_token')
    .select(TOKEN_COLUMNS)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
  if (current === undefined || current.revoked_at !== null) {
    return current === undefined ? undefined : { row: current, isNew: false }
  }
  const row = await trx
    .updateTable('enrollment_token')
    .set({ revoked_at: now })
    .where('id', '=', id)
    .returning(TOKEN_COLUMNS)
    .executeTakeFirstOrThrow()
  return { row, isNew: true }
}

/**
 * Uses the token once, if it can be used now. The row lock makes concurrent enrolments wait for
 * each other, so the count is exact.
 */
export async function useToken(
  trx: Transaction<Database>,
  tokenHash: Buffer,
  now: Date,
): Promise<{ id: string; group_name: string | null } | undefined> {
  return await trx
    .updateTable('enrollment_token')
    .set({ uses_count: sql`uses_count + 1` })
    .where('token_hash', '=', tokenHash)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .whereRef('uses_count', '<', 'uses_max')
    .returning(['id', 'group_name'])
    .executeTakeFirst()
}

export async function selectDeviceByKey(
  db: Kysely<Database>,
  keyThumbprint: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('device')
    .select('id')
    .where('key_thumbprint', '=', keyThumbprint)
    .executeTakeFirst()
  return row?.id
}

export async function insertDevice(
  trx: Transaction<Database>,
  device: Insertable<DeviceTable>,
): Promise<void> {
  await trx.insertInto('device').values(device).execute()
}

/** False: the person is disabled or deleted. Else that waits until the transaction ends. */
export async function lockActiveUser(trx: Transaction<Database>, id: string): Promise<boolean> {
  const row = await trx
    .selectFrom('directory_user')
    .select('id')
    .where('id', '=', id)
    .where('is_active', '=', true)
    .forNoKeyUpdate()
    .executeTakeFirst()
  return row !== undefined
}

/** Devices that a person enrolled by signing in and still owns. */
export async function countEnrolledBy(trx: Transaction<Database>, userId: string): Promise<number> {
  const row = await trx
    .selectFrom('device')
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .where('owner_id', '=', userId)
    .where('enrolled_by', '=', userId)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}
