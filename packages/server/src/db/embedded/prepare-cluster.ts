/**
 * Makes the files of the embedded PostgreSQL ready: data directory, user, programs, password,
 * cluster. Afterwards it can be started; nothing runs yet.
 */

import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { StartError } from '../../errors.ts'
import { createFileOnce } from '../../ops/durable-file.ts'
import { findRuntime } from './binaries.ts'
import { clusterUser, claimCluster, type SystemUser } from './cluster-user.ts'
import { clusterDirectory, prepareDataDirectory } from './data-directory.ts'
import type { EmbeddedPostgresOptions } from './embedded-postgres.ts'
import { initCluster } from './init-cluster.ts'
import { reachableRuntime } from './reachable-runtime.ts'

export interface Cluster {
  readonly clusterDir: string
  readonly dataDir: string
  readonly runtime: string
  readonly user: SystemUser | undefined
  readonly password: string
  readonly options: EmbeddedPostgresOptions
}

/** @throws StartError with what is wrong and what to do. */
export async function prepareCluster(options: EmbeddedPostgresOptions): Promise<Cluster> {
  try {
    return await prepare(options)
  } catch (error) {
    throw asStartError(error)
  }
}

/** EINVAL: the user does not exist in this user namespace. */
const RIGHTS_MISSING = new Set(['EACCES', 'EPERM', 'EINVAL'])

/** Root in a container may lack what is usual for root. */
function asStartError(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  const isRoot = process.getuid?.() === 0
  if (!isRoot || code === undefined || !RIGHTS_MISSING.has(code)) return error
  return new StartError(
    `The files of PostgreSQL cannot be given to the user that it runs as (${code}). Root needs ` +
      'the capabilities CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID and SETUID for that. ' +
      'Start Keydesk as another user, or set DATABASE_URL.',
    { cause: error },
  )
}

async function prepare(options: EmbeddedPostgresOptions): Promise<Cluster> {
  const { dataDir, log } = options
  prepareDataDirectory(dataDir)
  const clusterDir = clusterDirectory(dataDir)
  const user = clusterUser(clusterDir)
  const { runtime, staged } = reachableRuntime(findRuntime(), user)
  if (staged)
    log.info(
      { runtime },
      'running a copy of the PostgreSQL programs: their user cannot reach them here',
    )
  const passwordFile = join(dataDir, 'postgres-password')
  const exists = existsSync(clusterDir)
  if (exists && !existsSync(passwordFile)) {
    throw new StartError(
      `${passwordFile} is missing; without it the database in ${clusterDir} cannot be opened. ` +
        'Restore it from the backup that the database came from.',
    )
  }
  createFileOnce(passwordFile, `${randomBytes(32).toString('hex')}\n`)
  const password = readFileSync(passwordFile, 'utf8').trim()
  if (!/^[0-9a-f]{64}$/.test(password)) {
    throw new StartError(`${passwordFile} is damaged. Restore it from a backup.`)
  }
  if (exists) {
    claimCluster(clusterDir, user)
  } else {
    log.info({ clusterDir }, 'making the database')
    await initCluster({ clusterDir, runtime, user, password, passwordFile })
  }
  return { clusterDir, dataDir, runtime, user, password, options }
}
