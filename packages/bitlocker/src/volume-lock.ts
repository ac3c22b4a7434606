/**
 * One writer per volume. Node has no flock, and a lock file would stay behind a crash; so the lock
 * is a Linux abstract socket named after the file's device and inode: the kernel lets one process
 * of the machine listen on it, and frees it when that process ends however it ends. Invariant:
 * never held by two writers in one network namespace. Elsewhere than on Linux a named pipe
 * (Windows) does the same, and macOS has no lock.
 */
import { createServer } from 'node:net'

import { VolumeError } from './volume-error.ts'

export interface VolumeLock {
  release(): Promise<void>
}

/** Takes the lock of a file or device, or throws VolumeError VOLUME_IN_USE or VOLUME_IO. */
export async function lockVolume(identity: { dev: bigint; ino: bigint }): Promise<VolumeLock> {
  const name = `keydesk-volume-${identity.dev}-${identity.ino}`
  const path = socketPath(name)
  if (path === undefined) return { release: () => Promise.resolve() }
  const server = createServer((connection) => connection.destroy())
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(path, resolve)
  try {
    await promise
  } catch (cause) {
    throw lockFailure(cause)
  }
  // The lock must not keep a process alive that forgot to close its volume.
  server.unref()
  return {
    release: () =>
      new Promise((done) => {
        server.close(() => done())
      }),
  }
}

/** Only one answer means that somebody else has it; without a lock nothing is written. */
export function lockFailure(cause: unknown): VolumeError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason'
  if (code === 'EADDRINUSE') {
    return new VolumeError('VOLUME_IN_USE', 'Another Keydesk process is changing this volume', {
      cause,
    })
  }
  return new VolumeError('VOLUME_IO', `The volume cannot be locked for writing (${code})`, {
    cause,
  })
}

function socketPath(name: string): string | undefined {
  if (process.platform === 'linux') return `\0${name}`
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`
  return undefined
}
