/**
 * A whole server as a process of its own, for tests of what only a process shows: signals, crashes,
 * users, output. Every one is ended and its data deleted by `disposeServers()`.
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ServerProcessOptions {
  readonly dataDir: string
  /** Further environment variables. */
  readonly env?: Readonly<Record<string, string>>
  /** The user to run as; only root can change it. */
  readonly user?: { readonly uid: number; readonly gid: number }
  /** A command that starts the one behind it, such as `setpriv …`. */
  readonly wrapper?: readonly string[]
  /** Another checkout than this one. */
  readonly root?: string
}

export interface ServerProcess {
  readonly child: ChildProcess
  readonly dataDir: string
  /** Everything that it wrote, standard output and error together. */
  output(): string
  /** `http://127.0.0.1:port`. Rejects with the output when the server ends instead. */
  ready(): Promise<string>
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>
}

const ROOT = resolve(import.meta.dirname, '../..')
const READY_TIMEOUT_MS = 60_000

const servers: ServerProcess[] = []
const directories: string[] = []

/** A new directory below the system's temporary one, readable by its owner only. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'keydesk-test-server-'))
  directories.push(directory)
  return directory
}

export function startServerProcess(options: ServerProcessOptions): ServerProcess {
  const [wrapper, ...wrapped] = [...(options.wrapper ?? []), process.execPath]
  const child = spawn(wrapper ?? process.execPath, [...wrapped, 'packages/server/src/main.ts'], {
    cwd: options.root ?? ROOT,
    ...options.user,
    env: {
      PATH: process.env['PATH'],
      KEYDESK_DATA_DIR: options.dataDir,
      KEYDESK_PORT: '0',
      KEYDESK_ORIGIN: 'https://keydesk.example',
      KEYDESK_LOG_FORMAT: 'json',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const exited = new Promise<number | NodeJS.Signals>((settle) => {
    child.on('error', (error) => {
      output += error.message
      settle(-1)
    })
    child.on('close', (code, signal) => settle(code ?? signal ?? -1))
  })
  const server: ServerProcess = {
    child,
    dataDir: options.dataDir,
    output: () => output,
    exited,
    ready: () => untilReady(child, () => output),
  }
  servers.push(server)
  return server
}

async function untilReady(child: ChildProcess, output: () => string): Promise<string> {
  const deadline = performance.now() + READY_TIMEOUT_MS
  while (performance.now() < deadline) {
    const port = /"port":(\d+)[^\n]*"msg":"ready"/.exec(output())?.[1]
    if (port !== undefined) return `http://127.0.0.1:${port}`
    if (child.exitCode !== null || child.signalCode !== null) break
    await sleep(10)
  }
  throw new Error(`The server did not become ready:\n${output()}`)
}

/** Connection to the embedded PostgreSQL of a running server, past the server. */
export function embeddedDatabaseUrl(dataDir: string): string {
  const password = readFileSync(join(dataDir, 'postgres-password'), 'utf8').trim()
  return `postgres://keydesk:${password}@127.0.0.1:${postmaster(dataDir).port}/keydesk`
}

/** Process ID and port of the embedded PostgreSQL, from its own file. */
export function postmaster(dataDir: string): { readonly pid: number; readonly port: number } {
  const lines = readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')
  return { pid: Number(lines[0]), port: Number(lines[3]) }
}

/** Ends every server and every PostgreSQL that a killed one left, and deletes their directories. */
export async function disposeServers(): Promise<void> {
  for (const server of servers.splice(0)) {
    if (server.child.exitCode === null) server.child.kill('SIGTERM')
    await server.exited
    await killOrphan(server.dataDir)
  }
  for (const directory of directories.splice(0)) {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function killOrphan(dataDir: string): Promise<void> {
  try {
    const { pid } = postmaster(dataDir)
    process.kill(pid, 'SIGQUIT')
    while (true) {
      process.kill(pid, 0)
      await sleep(10)
    }
  } catch {
    // There was none, or it is gone now.
  }
}
