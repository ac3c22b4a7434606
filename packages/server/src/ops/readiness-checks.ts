/** The checks of `/readyz` that every server has. A slice with a state of its own adds to them. */

import type { Kysely } from 'kysely'
import { readMigrations } from '../db/migrate.ts'
import type { Database } from '../db/schema.ts'
import type { Keyring } from '../vault/keyring.ts'
import { vaultKeyWorks } from '../vault/vault-key-works.ts'
import { Readiness } from './readiness.ts'

export function createReadiness(db: Kysely<Database>, keyring: Keyring): Readiness {
  const readiness = new Readiness()
  const migrations = readMigrations().length

  const appliedMigrations = async (): Promise<number> => {
    const row = await db
      .selectFrom('schema_migration')
      .select((expression) => expression.fn.max('version').as('version'))
      .executeTakeFirst()
    return row?.version ?? 0
  }

  readiness.register('database', async () => (await appliedMigrations()) > 0)
  // A newer server may have migrated since this one started: its turn now.
  readiness.register('migrations', async () => (await appliedMigrations()) === migrations)
  readiness.register('vaultKey', () => vaultKeyWorks(keyring))
  return readiness
}
