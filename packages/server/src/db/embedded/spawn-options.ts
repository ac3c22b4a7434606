/**
 * How the PostgreSQL programs are started: in the cluster's directory, as the cluster's user, with
 * almost no environment, in a session of their own.
 *
 * The data directory is private to the user that started the server (mode 0700), and the whole
 * checkout may lie below such a directory, so the cluster's user can often not walk to the cluster
 * by its path. It need not: the working directory is set before the user changes, and Linux lets a
 * process use the directory that it stands in. Hence `/proc/self/cwd` as the cluster's path.
 */

import type { SpawnOptions } from 'node:child_process'
import type { SystemUser } from './cluster-user.ts'

/** What `-D` gets. */
export function clusterArgument(clusterDir: string, user: SystemUser | undefined): string {
  return user === undefined ? clusterDir : '/proc/self/cwd'
}

export function clusterSpawnOptions(
  clusterDir: string,
  user: SystemUser | undefined,
): Pick<SpawnOptions, 'cwd' | 'uid' | 'gid' | 'env' | 'detached' | 'windowsHide'> {
  return {
    cwd: clusterDir,
    ...user,
    // Ctrl-C goes to every process of the terminal's session; PostgreSQL has to outlive the
    // requests in flight, so it gets a session of its own.
    detached: process.platform !== 'win32',
    windowsHide: true,
    // Nothing of the server's environment: it may hold secrets. Windows programs need theirs.
    ...(process.platform === 'win32'
      ? {}
      : { env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' } }),
  }
}
