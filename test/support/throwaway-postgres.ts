/**
 * A PostgreSQL for one test run: the embedded one, in a new directory below the system's temporary
 * one, gone afterwards, also when the run is killed. Works for root and for other users, as the
 * product does.
 */

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
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
  try {
    const postgres = await startEmbeddedPostgres({
      dataDir,
      poolMax: 200,
      log: createLog({ level: 'silent', format: 'json' }),
      onFailure: (reason) => console.error(`The test database: ${reason}.`),
      settings: SETTINGS,
    })
    const callOff = endWithThisProcess(dataDir)
    return {
      superuserUrl: postgres.superuserUrl,
      async stop() {
        callOff()
        await postgres.stop()
        rmSync(dataDir, { recursive: true, force: true })
      },
    }
  } catch (error) {
    rmSync(dataDir, { recursive: true, force: true })
    throw error
  }
}

/**
 * A shell that waits for the end of its standard input, which this process holds open, and then
 * ends PostgreSQL and deletes its files. Returns what calls it off.
 */
function endWithThisProcess(dataDir: string): () => void {
  if (process.platform === 'win32') return () => undefined
  const pidFile = join(dataDir, 'postgres', 'postmaster.pid')
  const pid = readFileSync(pidFile, 'utf8').split('\n', 1)[0] ?? ''
  const script = 'cat >/dev/null; kill -QUIT "$1"; sleep 1; rm -rf "$2"'
  const watcher = spawn('/bin/sh', ['-c', script, 'sh', pid, dataDir], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.unref()
  return () => {
    if (watcher.pid !== undefined) process.kill(-watcher.pid, 'SIGKILL')
  }
}
