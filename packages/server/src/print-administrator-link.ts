/**
 * `main.ts administrator-link`: a new link for a first administrator, for whoever has the data
 * directory and the vault key of a running server. The way back in where nobody can sign in any
 * more. It is on record like every other link.
 */

import { createSetupLink } from './accounts/create-setup-link.ts'
import type { Config } from './config.ts'
import { runningDatabaseUrl } from './db/embedded/running-database-url.ts'
import { openDatabase } from './db/open-database.ts'
import { systemClock } from './deps.ts'
import { openDeployment } from './vault/deployment.ts'
import { openKeyring } from './vault/open-keyring.ts'
import { StartError } from './errors.ts'

/** Throws StartError with what is wrong and what to do. */
export async function printAdministratorLink(
  config: Config,
  print: (text: string) => void,
): Promise<void> {
  const url = config.databaseUrl ?? runningDatabaseUrl(config.dataDir)
  const now = systemClock.now()
  const keyring = openKeyring({ path: config.vaultKeyFile, now, existingDatabase: 'the server' })
  const db = openDatabase({ url, poolMax: 2, onSessionError: () => undefined })
  try {
    const onFirstRun = (): Promise<void> => {
      throw new StartError('This database is empty. Start the server; it prints the first link.')
    }
    await openDeployment({ db, keyring, vaultKeyFile: config.vaultKeyFile, now, onFirstRun })
    const link = await db
      .transaction()
      .execute((trx) => createSetupLink(trx, { config, keyring, clock: systemClock }))
    print(`${link.reveal()}\n`)
  } finally {
    await db.destroy()
  }
}
