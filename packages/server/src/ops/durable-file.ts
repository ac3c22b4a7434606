/**
 * Files that exist whole or not at all, and still do after a power cut.
 *
 * Order: write beside the target, fsync the bytes, give it its name, fsync the directory. A crash
 * in between leaves a file with a random name, which nothing reads.
 */

import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes the file with mode 0600, unless it is there already.
 *
 * @returns false when it was there: then it is unchanged, whoever made it.
 */
export function createFileOnce(path: string, text: string): boolean {
  const draft = `${path}.new-${randomBytes(6).toString('hex')}`
  try {
    const file = openSync(draft, 'wx', 0o600)
    try {
      writeFileSync(file, text)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    // Unlike rename, link never replaces what another server put there meanwhile.
    linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
  syncDirectory(dirname(path))
  return true
}

/** Makes renames and new names in the directory survive a power cut. */
export function syncDirectory(path: string): void {
  // Windows cannot open a directory; NTFS journals names by itself.
  if (process.platform === 'win32') return
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
