/**
 * Ties a database to its vault key: one row says which keys the deployment was made with.
 *
 * The row is written in the transaction that makes everything else a new deployment needs, so a
 * database without it is new, whatever a crash interrupted.
 */

import { randomUUID } from 'node:crypto'
import type { Kysely, Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'
import { StartError } from '../errors.ts'
import type { Keyring } from './keyring.ts'

export interface OpenDeploymentOptions {
  readonly db: Kysely<Database>
  readonly keyring: Keyring
  readonly vaultKeyFile: string
  readonly now: Date
  /**
   * Called once in the life of a deployment, before the commit. What it prints may be printed again
   * by a later start, if this one crashes before it has committed.
   */
  readonly onFirstRun: (trx: Transaction<Database>) => Promise<void>
}

/** @throws StartError when the database belongs to other keys than these. */
export async function openDeployment(options: OpenDeploymentOptions): Promise<void> {
  const { keyring } = options
  await options.db.transaction().execute(async (trx) => {
    const inserted = await trx
      .insertInto('deployment')
      .values({
        id: randomUUID(),
        vault_key_id: keyring.vaultKey.id,
        receipt_key_id: keyring.receiptKey.id,
        created_at: options.now,
      })
      // Waits for another server that is at its first run right now.
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst()
    if (inserted !== undefined) {
      await options.onFirstRun(trx)
      return
    }
    const stored = await trx.selectFrom('deployment').selectAll().executeTakeFirstOrThrow()
    const isSame =
      stored.vault_key_id === keyring.vaultKey.id && stored.receipt_key_id === keyring.receiptKey.id
    if (!isSame) {
      throw new StartError(
        `The vault key file ${options.vaultKeyFile} belongs to another deployment: it holds the ` +
          `vault key ${keyring.vaultKey.id}, and the database was made with ` +
          `${stored.vault_key_id}. Restore the file that belongs to this database.`,
      )
    }
  })
}
