/**
 * The image file that `create` makes. Invariants: an existing image is replaced only with `force`,
 * and then only when the new one is complete; what is not completed does not stay behind.
 */
import { randomBytes } from 'node:crypto'
import { rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { createVolumeFile, openVolumeFile } from '@keydesk/bitlocker/volume'
import type { VolumeFile } from '@keydesk/bitlocker/volume'

import { CommandError } from '../command-error.ts'
import { syncFolder } from './sync-folder.ts'

export interface ImageFile extends AsyncDisposable {
  readonly storage: VolumeFile
  /** The image is complete: from now on it has its name. */
  keep(): Promise<void>
}

/** Throws CommandError FILE_EXISTS, and VolumeError when the place cannot be used. */
export async function createImageFile(
  path: string,
  size: number,
  { force }: { readonly force: boolean },
): Promise<ImageFile> {
  const isReplacing = await isThere(path, force)
  const working = isReplacing ? `${path}.${randomBytes(4).toString('hex')}.new` : path
  await requireFolder(path)
  const storage = await createVolumeFile(working, size)
  let isKept = false
  return {
    storage,
    async keep() {
      await storage.close()
      if (isReplacing) {
        await rename(working, path)
        await syncFolder(dirname(resolve(path)))
      }
      isKept = true
    },
    async [Symbol.asyncDispose]() {
      await storage.close()
      if (!isKept) await rm(working, { force: true })
    },
  }
}

async function requireFolder(path: string): Promise<void> {
  const folder = dirname(resolve(path))
  const found = await stat(folder).catch(() => undefined)
  if (found?.isDirectory()) return
  throw new CommandError('FILE_WRITE', `${path} cannot be made: its folder does not exist`)
}

async function isThere(path: string, force: boolean): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (!found) return false
  if (!found.isFile()) {
    throw new CommandError('FILE_EXISTS', `${path} is not a file: only image files are made`)
  }
  if (!force) {
    throw new CommandError(
      'FILE_EXISTS',
      `${path} exists already: choose another name, or replace it with --force`,
    )
  }
  // Refuses an image that is mounted, attached or being changed.
  await using existing = await openVolumeFile(path, { access: 'write' })
  void existing
  return true
}
