/**
 * Makes sure that the user PostgreSQL runs as can execute it.
 *
 * Started as root, the server may lie below a directory that nobody else can enter (a checkout in
 * root's home, a private temporary directory), or may have been installed with a strict umask. Then
 * the programs, not the data, are copied once to a place that the system keeps for such things.
 * Rejected: giving PostgreSQL the capability to read every file (`setpriv --ambient-caps
 * +dac_read_search`), since that includes the vault key, and containers often lack it.
 */

import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StartError } from '../../errors.ts'
import { program } from './binaries.ts'
import type { SystemUser } from './cluster-user.ts'

export interface ReachableRuntime {
  readonly runtime: string
  /** True when the programs had to be copied out of reach of a closed directory. */
  readonly staged: boolean
}

/** Cleared by the system at most, never by other users: each is checked before it is trusted. */
const STAGING_PARENTS = ['/var/cache', '/var/tmp', tmpdir()]

/** @throws StartError when the user can be given no executable PostgreSQL. */
export function reachableRuntime(
  runtime: string,
  user: SystemUser | undefined,
  stagingParents: readonly string[] = STAGING_PARENTS,
): ReachableRuntime {
  const failure = executionFailure(runtime, user)
  if (failure === undefined) return { runtime, staged: false }
  if (user === undefined) throw new StartError(`The embedded PostgreSQL does not run: ${failure}.`)
  if (failure === 'EPERM' || failure === 'EINVAL') {
    throw new StartError(
      'PostgreSQL does not run as root, and this process may not change to another user. ' +
        'Start Keydesk as another user, or set DATABASE_URL.',
    )
  }
  for (const parent of stagingParents) {
    const staged = stage(runtime, join(parent, 'keydesk'))
    if (staged !== undefined && executionFailure(staged, user) === undefined) {
      return { runtime: staged, staged: true }
    }
  }
  throw new StartError(
    `PostgreSQL does not run as root, and user ${user.uid} cannot execute it at ${runtime} ` +
      `(${failure}) nor at a copy below ${stagingParents.join(', ')}. ` +
      'Install Keydesk where other users can read it, start it as another user, or set ' +
      'DATABASE_URL.',
  )
}

/** Why `postgres --version` does not run as the user: an errno name or its output. */
function executionFailure(runtime: string, user: SystemUser | undefined): string | undefined {
  const result = spawnSync(program(runtime, 'postgres'), ['--version'], {
    ...user,
    cwd: '/',
    env: {},
    encoding: 'utf8',
    timeout: 30_000,
  })
  if (result.error !== undefined) return (result.error as NodeJS.ErrnoException).code ?? 'failed'
  return result.status === 0 ? undefined : result.stderr.trim().slice(0, 300)
}

/** The copy's path, or `undefined` where it cannot be made or trusted. */
function stage(runtime: string, folder: string): string | undefined {
  const bytes = readFileSync(program(runtime, 'postgres'))
  const name = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
  const target = join(folder, `postgresql-${name}`)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 })
    if (!isTrusted(folder)) return undefined
    if (existsSync(target)) return isTrusted(target) ? target : undefined
    const draft = `${target}.new-${randomBytes(6).toString('hex')}`
    try {
      cpSync(runtime, draft, { recursive: true, verbatimSymlinks: true, filter: isNeeded })
      openToAll(draft)
      chmodSync(folder, 0o755)
      renameSync(draft, target)
    } finally {
      rmSync(draft, { recursive: true, force: true })
    }
    return target
  } catch (error) {
    // Lost the race to another server that staged the same copy; any other failure: next place.
    const code = (error as NodeJS.ErrnoException).code
    return code === 'ENOTEMPTY' && isTrusted(target) ? target : undefined
  }
}

/** Only root can have put it there and only root can change it. */
function isTrusted(directory: string): boolean {
  const stats = lstatSync(directory)
  return stats.isDirectory() && stats.uid === 0 && (stats.mode & 0o022) === 0
}

/** Static libraries are for compiling, and half of the size. */
function isNeeded(source: string): boolean {
  return !source.endsWith('.a') && !source.endsWith('pkgconfig')
}

function openToAll(directory: string): void {
  chmodSync(directory, 0o755)
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isDirectory()) chmodSync(path, 0o755)
    else if (entry.isFile()) chmodSync(path, (lstatSync(path).mode & 0o111) === 0 ? 0o644 : 0o755)
  }
}
