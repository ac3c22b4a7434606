/**
 * The address of the embedded PostgreSQL of a server that is running now, for a command beside it:
 * whoever may read the data directory may use its database.
 */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { StartError } from '../../errors.ts'
import { clusterDirectory } from './data-directory.ts'
import { isPostmasterOf, readPostmasterPid } from './postmaster-pid.ts'

/** For the role `keydesk`; holds its password. Throws StartError where none is running. */
export function runningDatabaseUrl(dataDir: string): string {
  const clusterDir = clusterDirectory(dataDir)
  const file = existsSync(clusterDir) ? readPostmasterPid(clusterDir) : undefined
  if (file?.port === undefined || !file.isReady || !isPostmasterOf(clusterDir, file.pid)) {
    throw new StartError(
      `No server is running on ${dataDir}. Start it, or set KEYDESK_DATA_DIR to its directory, ` +
        'and run this again.',
    )
  }
  const password = readFileSync(join(dataDir, 'postgres-password'), 'utf8').trim()
  return `postgres://keydesk:${password}@127.0.0.1:${file.port}/keydesk`
}
