/**
 * Who PostgreSQL runs as. It refuses to run as root, so a server that was started as root gives it
 * an unprivileged user, and keeps no capability for it (docs/adr/0004-embedded-postgresql.md).
 */

import { chmodSync, lchownSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { StartError } from '../../errors.ts'

export interface SystemUser {
  readonly uid: number
  readonly gid: number
}

const ROOT = 0

/**
 * `undefined`: the user that this process runs as. Else the user to drop to: the owner of an
 * existing cluster, or `postgres` where that account exists, or `nobody`.
 */
export function clusterUser(clusterDir: string): SystemUser | undefined {
  // Windows has no uid; there PostgreSQL itself gives up administrator rights.
  if (process.getuid === undefined || process.getuid() !== ROOT) return undefined
  if (process.platform !== 'linux') {
    throw new StartError(
      'The embedded PostgreSQL does not run as root on this system. ' +
        'Start Keydesk as another user, or set DATABASE_URL.',
    )
  }
  const owner = statSync(clusterDir, { throwIfNoEntry: false })
  if (owner !== undefined && owner.uid !== ROOT) return { uid: owner.uid, gid: owner.gid }
  const account = passwdEntry('postgres') ?? passwdEntry('nobody')
  if (account === undefined) {
    throw new StartError(
      'PostgreSQL does not run as root, and this system has neither a user "postgres" nor a user ' +
        '"nobody". Start Keydesk as another user, or set DATABASE_URL.',
    )
  }
  return account
}

/**
 * Puts right what a copy from a backup changes: the owner, and the mode that PostgreSQL insists on.
 *
 * @throws StartError when it belongs to somebody else and this process cannot change that.
 */
export function claimCluster(clusterDir: string, user: SystemUser | undefined): void {
  const { uid } = statSync(clusterDir)
  if (user === undefined) {
    const self = process.getuid?.()
    if (self !== undefined && self !== uid) {
      throw new StartError(
        `The database in ${clusterDir} belongs to user ${uid}, and this process runs as user ` +
          `${self}. Start Keydesk as user ${uid} or as root.`,
      )
    }
  }
  chmodSync(clusterDir, 0o700)
  if (user === undefined || uid !== ROOT) return
  for (const name of readdirSync(clusterDir, { recursive: true, encoding: 'utf8' })) {
    lchownSync(join(clusterDir, name), user.uid, user.gid)
  }
  // Last, since it is what says that the rest was done.
  lchownSync(clusterDir, user.uid, user.gid)
}

/** initdb looks its user up by number, so a number without an account is no use. */
function passwdEntry(name: string): SystemUser | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((candidate) => candidate.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  if (!/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '') || Number(uid) === ROOT) return undefined
  return { uid: Number(uid), gid: Number(gid) }
}
