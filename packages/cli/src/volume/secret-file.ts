/**
 * A new file for a secret. Invariants: mode 0600 from the first moment; an existing file is never
 * touched; a file that was reserved and not used does not stay behind.
 */
import { open, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { CommandError } from '../command-error.ts'
import { syncFolder } from './sync-folder.ts'

export interface SecretFile extends AsyncDisposable {
  readonly path: string
  /** Returns when the bytes and the file's name are durable. Throws CommandError FILE_WRITE. */
  write(bytes: Uint8Array): Promise<void>
  /** Takes it back: what was written does not stay behind either. */
  discard(): void
}

/** Makes it empty, so that a wrong path shows before anything is done. Throws CommandError. */
export async function reserveSecretFile(path: string): Promise<SecretFile> {
  let handle: FileHandle
  try {
    handle = await open(path, 'wx', 0o600)
  } catch (cause) {
    throw failure(path, cause)
  }
  let isWritten = false
  return {
    path,
    async write(bytes) {
      try {
        await handle.writeFile(bytes)
        await handle.sync()
        await syncFolder(dirname(resolve(path)))
        isWritten = true
      } catch (cause) {
        throw failure(path, cause)
      }
    },
    discard() {
      isWritten = false
    },
    async [Symbol.asyncDispose]() {
      await handle.close()
      if (!isWritten) await rm(path, { force: true })
    },
  }
}

function failure(path: string, cause: unknown): CommandError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason'
  if (code === 'EEXIST') {
    return new CommandError(
      'FILE_EXISTS',
      `${path} exists already, and a secret is only written to a new file: choose another name`,
      { cause },
    )
  }
  const why = code === 'ENOENT' ? 'its folder does not exist' : code
  return new CommandError('FILE_WRITE', `${path} cannot be written: ${why}`, { cause })
}
