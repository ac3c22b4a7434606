/**
 * A cluster that is running and whose owner is this server: how it is started, locked, and ended.
 *
 * A server may be killed at any moment. The next start finds its orphan by `postmaster.pid`, tells
 * it from a living server's by the server lock, stops it, and starts its own. Of two servers on one
 * directory, the one that holds the lock stays; the other stops with a sentence and touches
 * nothing.
 */

import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StartError } from '../../errors.ts'
import { clusterDirectory } from './data-directory.ts'
import { isPostmasterOf, readPostmasterPid } from './postmaster-pid.ts'
import { startPostmaster, stopPostmaster, type Postmaster } from './postmaster.ts'
import type { Cluster } from './prepare-cluster.ts'
import { isSessionBroken, tryServerLock, type ServerLock } from './server-lock.ts'

/** Sessions beside the pool: the server lock, migrations, an operator's psql, maintenance. */
const SPARE_SESSIONS = 20
/** For finding orphans, rivals and a free port; a recovery may take as long as it needs. */
const START_TIMEOUT_MS = 5 * 60_000
/** How long the sessions of a server that was just killed may take to notice. */
const OWNER_PATIENCE_MS = 3000
const STOP_TIMEOUT_MS = 30_000
const POLL_MS = 20
/** An operator who waits longer than this wonders. */
const WARNING_INTERVAL_MS = 10_000
/** Long enough for a rival to take the lock; random, so that two do not keep in step. */
const RIVAL_PAUSE_MS = 250

export class RunningCluster {
  readonly #cluster: Cluster
  #port = 0
  #postmaster: Postmaster | undefined
  #lock: ServerLock | undefined
  #stopping = false

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** For a role and the database of the same name. Holds the password. */
  url(role: 'keydesk' | 'postgres'): string {
    return databaseUrl(role, this.#cluster.password, this.#port)
  }

  async start(): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS
    while (performance.now() < deadline) {
      const file = readPostmasterPid(this.#cluster.clusterDir)
      const isOurs = file !== undefined && isPostmasterOf(this.#cluster.clusterDir, file.pid)
      if (isOurs) await this.#stopOrphan(file.pid)
      else if (await this.#startOwn(file?.pid)) return
    }
    throw new StartError(
      `PostgreSQL in ${this.#cluster.clusterDir} did not become ready in ` +
        `${START_TIMEOUT_MS / 60_000} minutes. ${this.#cluster.dataDir}/postgres.log says why.`,
    )
  }

  /** Takes the lock of a PostgreSQL that runs already; throws if a living server holds it. */
  async #stopOrphan(pid: number): Promise<void> {
    const lock = await this.#takeLock(pid, () => isPostmasterOf(this.#cluster.clusterDir, pid))
    if (lock === undefined) return
    this.#cluster.options.log.warn({ pid }, 'stopping the PostgreSQL that a killed server left')
    await stopPostmaster(this.#cluster, pid, STOP_TIMEOUT_MS)
    await lock.release()
  }

  /** False: lost a race for the cluster or the port; look again. */
  async #startOwn(stalePid: number | undefined): Promise<boolean> {
    this.#port = await freePort()
    const { clusterDir, runtime, user, dataDir, options } = this.#cluster
    const postmaster = startPostmaster({
      clusterDir,
      runtime,
      user,
      port: this.#port,
      connectionsMax: options.poolMax + SPARE_SESSIONS,
      logFile: join(dataDir, 'postgres.log'),
      ignoredPid: stalePid === process.pid ? undefined : stalePid,
      settings: options.settings ?? {},
    })
    const lock = await this.#lockOwn(postmaster)
    if (lock === undefined) {
      // Ended in order: a rival server took it for an orphan. Somebody else is the owner.
      const wasStopped = await postmaster.exited
      if (!wasStopped) throwUnlessTransient(postmaster.output(), dataDir)
      await sleep(RIVAL_PAUSE_MS * (1 + Math.random()))
      return false
    }
    this.#postmaster = postmaster
    this.#lock = lock
    void postmaster.exited.then(() => this.#fail('PostgreSQL ended unexpectedly'))
    return true
  }

  /** `undefined` when it ended first. Whatever else goes wrong, it does not stay behind. */
  async #lockOwn(postmaster: Postmaster): Promise<ServerLock | undefined> {
    const { pid } = postmaster.child
    if (pid === undefined) return undefined
    try {
      const isRunning = (): boolean =>
        postmaster.child.exitCode === null && postmaster.child.signalCode === null
      const lock = await this.#takeLock(pid, isRunning)
      if (lock !== undefined) await ensureDatabase(lock, this.#cluster.password)
      return lock
    } catch (error) {
      // A rival that holds the lock owns it, although it is our child.
      if (error instanceof OtherServerError) throw error
      await stopPostmaster(this.#cluster, pid, STOP_TIMEOUT_MS)
      if (isSessionBroken(error)) return undefined
      throw error
    }
  }

  /**
   * The lock of the PostgreSQL with this process ID, once it answers. `undefined` when it ended
   * first.
   *
   * @throws StartError when another server holds it.
   */
  async #takeLock(pid: number, isRunning: () => boolean): Promise<ServerLock | undefined> {
    let ownedSince: number | undefined
    let nextWarning = performance.now() + WARNING_INTERVAL_MS
    const { clusterDir, dataDir, password } = this.#cluster
    while (isRunning()) {
      const file = readPostmasterPid(clusterDir)
      if (file?.pid === pid && file.isReady && file.port !== undefined) {
        const url = databaseUrl('postgres', password, file.port)
        const attempt = await tryServerLock(url, () => void this.#regainLock())
        if (attempt.outcome === 'password-refused') throw foreignPassword(dataDir)
        if (attempt.outcome === 'held') return attempt.lock
        if (attempt.outcome === 'owned-by-other') {
          ownedSince ??= performance.now()
          if (performance.now() - ownedSince > OWNER_PATIENCE_MS) {
            throw new OtherServerError(dataDir, attempt.pid)
          }
        }
      }
      if (performance.now() > nextWarning) {
        nextWarning += WARNING_INTERVAL_MS
        this.#cluster.options.log.warn(
          { pid },
          'still waiting for PostgreSQL, maybe for a recovery',
        )
      }
      await sleep(POLL_MS)
    }
    return undefined
  }

  /**
   * PostgreSQL drops every session when one of its processes crashes; it then goes on by itself.
   */
  async #regainLock(): Promise<void> {
    const pid = this.#postmaster?.child.pid
    if (this.#stopping || pid === undefined) return
    this.#cluster.options.log.warn('the session that holds the server lock broke; taking it again')
    try {
      const isRunning = (): boolean => isPostmasterOf(this.#cluster.clusterDir, pid)
      const lock = await this.#takeLock(pid, isRunning)
      if (lock !== undefined) this.#lock = lock
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : 'the server lock cannot be taken again')
    }
  }

  #fail(reason: string): void {
    if (this.#stopping) return
    this.#stopping = true
    this.#cluster.options.onFailure(reason)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    const pid = this.#postmaster?.child.pid
    if (pid === undefined || this.#postmaster === undefined) return
    // The lock is held until PostgreSQL itself drops it, so no other server slips in before the
    // end.
    if (this.#postmaster.child.exitCode === null && this.#postmaster.child.signalCode === null) {
      await stopPostmaster(this.#cluster, pid, STOP_TIMEOUT_MS)
    }
    await this.#postmaster.exited
    await this.#lock?.release()
  }
}

class OtherServerError extends StartError {
  constructor(dataDir: string, pid: string | undefined) {
    const process = pid === undefined ? '' : ` (process ${pid})`
    super(
      `Another Keydesk server${process} is running on the data directory ${dataDir}. ` +
        'Stop that one first, or give this one a KEYDESK_DATA_DIR of its own.',
    )
  }
}

function foreignPassword(dataDir: string): StartError {
  return new StartError(
    `The database in ${clusterDirectory(dataDir)} refuses the password in ` +
      `${join(dataDir, 'postgres-password')}. Restore both from the same backup.`,
  )
}

/** Another server was faster, or the sessions of a killed PostgreSQL are not all gone yet. */
const TRANSIENT = [
  'lock file "postmaster.pid" already exists',
  'could not create any TCP/IP sockets',
  'Address already in use',
  'pre-existing shared memory block',
]

function throwUnlessTransient(output: string, dataDir: string): void {
  if (TRANSIENT.some((text) => output.includes(text))) return
  const fatal = output.split('\n').findLast((line) => /FATAL|PANIC/.test(line)) ?? output.trim()
  throw new StartError(
    `PostgreSQL does not start: ${fatal.slice(-500)}. ` +
      `${join(dataDir, 'postgres.log')} has the details.`,
  )
}

/** Makes the role and the database of the server. Each step is safe to repeat after a crash. */
async function ensureDatabase(lock: ServerLock, password: string): Promise<void> {
  const roles = await lock.query("select 1 from pg_roles where rolname = 'keydesk'")
  // The password is hexadecimal, so it needs no quoting.
  if (roles.length === 0) await lock.query(`create role keydesk login password '${password}'`)
  const databases = await lock.query("select 1 from pg_database where datname = 'keydesk'")
  if (databases.length === 0) await lock.query('create database keydesk owner keydesk')
}

function databaseUrl(role: string, password: string, port: number): string {
  return `postgres://${role}:${password}@127.0.0.1:${port}/${role}`
}

/**
 * A port that is free now. If another program takes it before PostgreSQL does, the start is
 * repeated.
 */
async function freePort(): Promise<number> {
  const probe = createServer()
  return await new Promise<number>((settle, reject) => {
    probe.on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => settle(port))
    })
  })
}
