/**
 * One agent per state file: two would undo each other's steps. The lock belongs to the process and
 * the system drops it when the process dies in any way, so a crash never leaves a stale one.
 *
 *   Linux    the name of an abstract Unix socket, made from the real path of the file
 *   macOS    open(2) with O_EXLOCK on a lock file
 *   Windows  CreateFile without sharing on a lock file (libuv's UV_FS_O_EXLOCK)
 *
 * node:fs has no flock(2). A file with a process ID would be stale after a crash, and process IDs
 * are used again.
 * BUG: an abstract name can be taken by any local user, who could so keep the agent from starting
 * (never make it do anything). On Linux the agent only serves sample PCs.
 * BUG: macOS and Windows are untested here.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { createServer } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { AgentError } from './errors.ts'

const MAC_O_EXLOCK = 0x20
const WINDOWS_O_EXLOCK = 0x1000_0000

export interface ProcessLock {
  release(): Promise<void>
}

/** Throws AgentError `STATE_LOCKED` when another agent (or this process) holds the lock. */
export async function acquireProcessLock(path: string): Promise<ProcessLock> {
  // The file itself may not exist yet; its directory must.
  const real = join(await realFolder(path), basename(path))
  if (process.platform === 'linux') return await listenOnName(real)
  const flag = process.platform === 'darwin' ? MAC_O_EXLOCK : WINDOWS_O_EXLOCK
  return await openExclusively(`${real}.lock`, flag)
}

async function realFolder(path: string): Promise<string> {
  try {
    return await realpath(dirname(path))
  } catch (error) {
    throw new AgentError('STATE_READ', `The folder of the state file ${path} is not there.`, {
      cause: error,
    })
  }
}

async function listenOnName(path: string): Promise<ProcessLock> {
  const name = createHash('sha256').update(path).digest('hex')
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? locked(path) : error)
    })
    server.listen({ path: `\0keydesk-agent-${name}`, exclusive: true }, resolve)
  })
  server.unref()
  return {
    release: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
      }),
  }
}

async function openExclusively(path: string, lockFlag: number): Promise<ProcessLock> {
  const flags = constants.O_CREAT | constants.O_RDWR | constants.O_NONBLOCK | lockFlag
  try {
    const handle = await open(path, flags, 0o600)
    return { release: () => handle.close() }
  } catch (error) {
    if (error instanceof Error && 'code' in error && isBusy(error.code)) throw locked(path)
    throw error
  }
}

function isBusy(code: unknown): boolean {
  return code === 'EAGAIN' || code === 'EWOULDBLOCK' || code === 'EBUSY' || code === 'EACCES'
}

function locked(path: string): AgentError {
  return new AgentError(
    'STATE_LOCKED',
    `Another agent is using ${path}. Stop it first, or wait until its check-in is over.`,
  )
}
