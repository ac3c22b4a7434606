/**
 * A PostgreSQL for one test run: the embedded one, in a new directory below the system's temporary
 * one, gone afterwards. Works for root and for other users, as the product does.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../packages/server/src/db/embedded/embedded-postgres.ts'
import { createLog } from '../../packages/server/src/ops/log.ts'

export interface ThrowawayPostgres {
  /** Superuser, database `postgres`. */
  readonly superuserUrl: string
  /** Ends it and deletes its files. */
  stop(): Promise<void>
}

/** The cluster is deleted anyway, so its durability would only cost time. */
const SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

export async function startThrowawayPostgres(): Promise<ThrowawayPostgres> {
  const dataDir = mkdtempSync(join(tmpdir(), 'keydesk-test-postgres-'))
  const postgres = await startEmbeddedPostgres({
    dataDir,
    poolMax: 200,
    log: createLog({ level: 'silent', format: 'json' }),
    onFailure: (reason) => console.error(`The test database: ${reason}.`),
    settings: SETTINGS,
  })
  return {
    superuserUrl: postgres.superuserUrl,
    async stop() {
      await postgres.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
