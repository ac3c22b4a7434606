/**
 * Makes the cluster of the embedded PostgreSQL at the first run.
 *
 * initdb works in a directory of its own beside the final one, which gets its name only when it is
 * complete and on the disk. So a crash at any moment leaves no cluster, and never half of one.
 */

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  closeSync,
  existsSync,
  fchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { StartError } from '../../errors.ts'
import { syncDirectory } from '../../ops/durable-file.ts'
import { program } from './binaries.ts'
import type { SystemUser } from './cluster-user.ts'
import { clusterArgument, clusterSpawnOptions } from './spawn-options.ts'

export interface InitClusterOptions {
  readonly clusterDir: string
  readonly runtime: string
  readonly user: SystemUser | undefined
  /** Password of the superuser `postgres`; also in this file (mode 0600). */
  readonly password: string
  readonly passwordFile: string
}

const DRAFT_MARK = '.new-'
const OUTPUT_LENGTH_MAX = 2000

/** Who may connect: over the loopback, with the password. */
const HBA = 'host all all 127.0.0.1/32 scram-sha-256\n'

/**
 * Does nothing to a cluster that exists. When two servers get here at once, one cluster stays.
 *
 * @throws StartError when initdb fails.
 */
export async function initCluster(options: InitClusterOptions): Promise<void> {
  const draft = `${options.clusterDir}${DRAFT_MARK}${randomBytes(6).toString('hex')}`
  try {
    mkdirSync(draft, { mode: 0o700 })
    if (options.user !== undefined) chownSync(draft, options.user.uid, options.user.gid)
    await runInitdb(draft, options)
    writeFileSync(join(draft, 'pg_hba.conf'), HBA)
    renameSync(draft, options.clusterDir)
    syncDirectory(dirname(options.clusterDir))
  } catch (error) {
    // Another server's cluster got the name first, and maybe our draft was removed already.
    if (existsSync(options.clusterDir)) return
    throw error
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/** Deletes what killed servers left half made. Only for the owner of the server lock. */
export function removeClusterDrafts(clusterDir: string): void {
  const parent = dirname(clusterDir)
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(`${basename(clusterDir)}${DRAFT_MARK}`)) continue
    try {
      rmSync(join(parent, name), { recursive: true, force: true })
    } catch {
      // The initdb of the killed server is still adding files; the next start takes the rest.
    }
  }
}

async function runInitdb(draft: string, options: InitClusterOptions): Promise<void> {
  const isWindows = process.platform === 'win32'
  const password = isWindows ? 'ignore' : passwordInput(draft, options)
  const child = spawn(
    program(options.runtime, 'initdb'),
    [
      '--pgdata',
      clusterArgument(draft, options.user),
      '--username=postgres',
      `--pwfile=${isWindows ? options.passwordFile : '/dev/stdin'}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // Ordering by code point: the same on every system and in every version, unlike a locale's.
      '--locale-provider=builtin',
      '--locale=C.UTF-8',
      '--lc-messages=C',
      '--data-checksums',
      '--no-instructions',
    ],
    { ...clusterSpawnOptions(draft, options.user), stdio: [password, 'pipe', 'pipe'] },
  )
  if (password !== 'ignore') closeSync(password)
  let output = ''
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_LENGTH_MAX)
  }
  child.stdout?.on('data', collect)
  child.stderr?.on('data', collect)
  const failure = await new Promise<string | undefined>((settle) => {
    child.on('error', (error) => settle(error.message))
    child.on('close', (code) => settle(code === 0 ? undefined : `exit ${code}: ${output.trim()}`))
  })
  if (failure !== undefined) {
    throw new StartError(
      `PostgreSQL could not make its files in ${dirname(draft)} (initdb: ${failure}). ` +
        'Is the disk full or read-only?',
    )
  }
}

/**
 * A file without a name, so that no other process can read the password and a crash leaves nothing:
 * open, and given to the cluster's user, who reads it as its standard input.
 */
function passwordInput(draft: string, options: InitClusterOptions): number {
  const path = `${draft}.password`
  const file = openSync(path, 'wx+', 0o600)
  rmSync(path)
  const bytes = Buffer.from(`${options.password}\n`)
  // At a position, which leaves the descriptor at the beginning for the reader.
  writeSync(file, bytes, 0, bytes.length, 0)
  if (options.user !== undefined) fchownSync(file, options.user.uid, options.user.gid)
  return file
}
