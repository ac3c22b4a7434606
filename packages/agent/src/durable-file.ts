/**
 * Replace a file so that a crash at any instant leaves either the whole old or the whole new
 * content: write a temporary file beside it, fsync, rename, fsync the directory.
 *
 * System calls of one write: unlink TEMP, openat TEMP (O_EXCL, 0600), write, fsync, close,
 * rename TEMP PATH, openat DIRECTORY, fsync, close.
 *
 * BUG: Windows has no way to fsync a directory; there NTFS's journal orders the rename, and a power
 * cut within the next seconds may bring the old content back. The agent then repeats its last step,
 * which is safe: every step is idempotent and the old state is never wrong, only late.
 */
import { open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Suffix of the temporary file; a leftover of a crash is removed by the next write. */
const TEMPORARY_SUFFIX = '.new'

/** One writer at a time per path is the caller's duty (see process-lock.ts). */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = path + TEMPORARY_SUFFIX
  await removeIfThere(temporary)
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  await syncDirectory(dirname(path))
}

/** Make a rename or an unlink inside `directory` durable. */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Remove a file; that it is not there is fine. */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

/** True for the error of a path that does not exist. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
