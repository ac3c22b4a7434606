/**
 * `postmaster.pid`, the file by which a running PostgreSQL owns its cluster.
 *
 * Source: PostgreSQL 18, src/include/utils/pidfile.h. Lines: 1 process ID, 2 data directory, 3
 * start time, 4 port, 5 socket directory, 6 listen address, 7 shared memory key, 8 status.
 */

import { readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'

export interface PostmasterPid {
  readonly pid: number
  /** Absent while it is starting. */
  readonly port: number | undefined
  readonly isReady: boolean
}

/** `undefined` when there is none, or it is only half written. */
export function readPostmasterPid(clusterDir: string): PostmasterPid | undefined {
  let text: string
  try {
    text = readFileSync(join(clusterDir, 'postmaster.pid'), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const lines = text.split('\n')
  const pid = Number(lines[0])
  // A stand-alone backend (initdb) writes its process ID as a negative number.
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
  const port = Number(lines[3])
  return {
    pid,
    port: Number.isSafeInteger(port) && port > 0 ? port : undefined,
    isReady: lines[7]?.trim() === 'ready',
  }
}

/**
 * Whether the process in the file is a PostgreSQL of this cluster. After a crash the number may
 * belong to anything, in a container most likely to the server itself.
 */
export function isPostmasterOf(clusterDir: string, pid: number): boolean {
  if (pid === process.pid || !isAlive(pid)) return false
  return process.platform === 'linux' ? isPostgresIn(clusterDir, pid) : true
}

/** From /proc; see proc(5). Gone, or a zombie that nobody reaps (containers): not running. */
function isPostgresIn(clusterDir: string, pid: number): boolean {
  try {
    const state = /^\d+ \(postgres\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]
    if (state === undefined || state === 'Z' || state === 'X') return false
  } catch {
    return false
  }
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(clusterDir)
  } catch {
    // Root without the capability to trace, as in most containers: it may not look. A `postgres` of
    // the cluster's user under the number in the cluster's own file is as good as certain.
    const uid = statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid
    return uid === statSync(clusterDir).uid
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
