/** SQL of ending sign-ins. */

import { sql, type Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'

/** Credentials of these users that were made until then are refused; the time never goes back. */
export async function refuseOlderCredentials(
  trx: Transaction<Database>,
  userIds: readonly string[],
  now: Date,
): Promise<void> {
  await trx
    .updateTable('directory_user')
    .set({ credentials_valid_after: sql`greatest(credentials_valid_after, ${now}::timestamptz)` })
    .where('id', 'in', [...userIds])
    .execute()
}
