/**
 * One PostgreSQL server process: its settings, its start, its stop.
 *
 * What a receipt stands for depends on the settings here: `fsync`, `full_page_writes` and
 * `synchronous_commit` are on, whatever postgresql.conf says. The rest of that file is the
 * operator's. Statements and their values are never logged: a log is no place for keys.
 */

import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { program } from './binaries.ts'
import type { SystemUser } from './cluster-user.ts'
import { isPostmasterOf } from './postmaster-pid.ts'
import { clusterArgument, clusterSpawnOptions } from './spawn-options.ts'

export interface PostmasterOptions {
  readonly clusterDir: string
  readonly runtime: string
  readonly user: SystemUser | undefined
  readonly port: number
  readonly connectionsMax: number
  readonly logFile: string
  /**
   * A process ID from a stale `postmaster.pid` that now belongs to something else. PostgreSQL would
   * take that process for a server of this cluster and refuse to start.
   */
  readonly ignoredPid: number | undefined
  /** Tests only: for a throwaway cluster. */
  readonly settings: Readonly<Record<string, string>>
}

export interface Postmaster {
  readonly child: ChildProcess
  /** Settles when the process has ended; true when it ended in order. */
  readonly exited: Promise<boolean>
  /** What it has written to its log since it was started. */
  output(): string
}

const LOG_BYTES_MAX = 16 * 1024 * 1024
const OUTPUT_BYTES_MAX = 64 * 1024

export function startPostmaster(options: PostmasterOptions): Postmaster {
  rotateLog(options.logFile)
  const log = openSync(options.logFile, 'a+', 0o600)
  const logStart = fstatSync(log).size
  const spawnOptions = clusterSpawnOptions(options.clusterDir, options.user)
  const child = spawn(
    program(options.runtime, 'postgres'),
    ['-D', clusterArgument(options.clusterDir, options.user), ...settingArguments(options)],
    {
      ...spawnOptions,
      ...(options.ignoredPid === undefined
        ? {}
        : { env: { ...spawnOptions.env, PG_GRANDPARENT_PID: String(options.ignoredPid) } }),
      stdio: ['ignore', log, log],
    },
  )
  let spawnError = ''
  const exited = new Promise<boolean>((settle) => {
    child.on('error', (error) => {
      spawnError = error.message
      settle(false)
    })
    child.on('exit', (code) => settle(code === 0))
  })
  void exited.then(() => closeSync(log))
  return { child, exited, output: () => `${spawnError}${readFrom(options.logFile, logStart)}` }
}

function settingArguments(options: PostmasterOptions): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(options.port),
    unix_socket_directories: '',
    max_connections: String(options.connectionsMax),
    password_encryption: 'scram-sha-256',
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    logging_collector: 'off',
    log_destination: 'stderr',
    log_line_prefix: '%m [%p] ',
    log_error_verbosity: 'terse',
    log_statement: 'none',
    log_min_error_statement: 'panic',
    log_min_duration_statement: '-1',
    log_parameter_max_length: '0',
    log_parameter_max_length_on_error: '0',
    // Our statements touch few rows; parallel ones would need more shared memory than containers
    // give.
    max_parallel_workers_per_gather: '0',
    jit: 'off',
    ...options.settings,
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/**
 * Ends a PostgreSQL of ours: fast (open transactions roll back, everything committed is written),
 * and if that takes too long, immediately, in which case the next start replays the log.
 */
export async function stopPostmaster(
  cluster: { readonly runtime: string; readonly clusterDir: string },
  pid: number,
  timeoutMs: number,
): Promise<void> {
  for (const signal of ['INT', 'QUIT', 'KILL'] as const) {
    sendSignal(cluster.runtime, pid, signal)
    const deadline = performance.now() + timeoutMs
    while (performance.now() < deadline) {
      if (!isPostmasterOf(cluster.clusterDir, pid)) return
      await sleep(10)
    }
  }
}

function sendSignal(runtime: string, pid: number, signal: 'INT' | 'QUIT' | 'KILL'): void {
  if (process.platform === 'win32') {
    // Windows has no such signals; PostgreSQL listens on a pipe that its own tool writes to.
    spawnSync(program(runtime, 'pg_ctl'), ['kill', signal, String(pid)], { windowsHide: true })
    return
  }
  try {
    process.kill(pid, `SIG${signal}`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** At a start only, so one long run may exceed it; PostgreSQL writes a few lines a day. */
function rotateLog(file: string): void {
  const stats = statSync(file, { throwIfNoEntry: false })
  if (stats !== undefined && stats.size > LOG_BYTES_MAX) renameSync(file, `${file}.1`)
}

function readFrom(file: string, start: number): string {
  const handle = openSync(file, 'r')
  try {
    const buffer = Buffer.alloc(OUTPUT_BYTES_MAX)
    return buffer.toString('utf8', 0, readSync(handle, buffer, 0, buffer.length, start))
  } finally {
    closeSync(handle)
  }
}
