/**
 * A volume in an image file or on a block device, whole or a part of it. Invariants: writing needs
 * the exclusive lock and refuses what the machine has mounted or mapped; reads and writes stay
 * inside the given part; a short read or write is an error.
 */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'

import { BITLOCKER_LIMITS } from './limits.ts'
import { usedBy } from './mounted-volume.ts'
import { sizeOf } from './size-of.ts'
import { VolumeError } from './volume-error.ts'
import { lockVolume } from './volume-lock.ts'
import type { VolumeLock } from './volume-lock.ts'
import { ioFailure } from './volume-storage.ts'
import type { VolumeStorage } from './volume-storage.ts'

/** An open image file or block device. */
export interface VolumeFile extends VolumeStorage, AsyncDisposable {
  /** Releases file and lock; a second call does nothing. */
  close(): Promise<void>
}

export interface OpenVolumeFileOptions {
  /** `write` takes an exclusive lock and refuses a mounted or mapped volume. */
  readonly access: 'read' | 'write'
  /** First byte of the volume inside the file or device; 0 by default. */
  readonly offset?: number | undefined
  /** Bytes; by default to the end. */
  readonly size?: number | undefined
}

/**
 * Opens an existing image file or block device. Throws VolumeError VOLUME_IO, VOLUME_IN_USE or
 * VOLUME_OPTION.
 */
export async function openVolumeFile(
  path: string,
  options: OpenVolumeFileOptions,
): Promise<VolumeFile> {
  const handle = await openHandle(path, openFlags(options.access))
  try {
    const whole = await sizeOf(handle)
    const { offset = 0, size = whole - offset } = options
    if (!Number.isSafeInteger(offset) || offset < 0 || size < 0 || offset + size > whole) {
      throw new VolumeError(
        'VOLUME_OPTION',
        `The volume lies outside the ${whole} bytes of ${path}`,
      )
    }
    if (options.access === 'read') return new FileStorage(handle, { offset, size })
    const use = await usedBy(path, { offset, size })
    if (use !== undefined) throw inUse(path, use)
    const lock = await lockVolume(await handle.stat({ bigint: true }))
    return new FileStorage(handle, { offset, size, lock })
  } catch (error) {
    await handle.close()
    throw error
  }
}

/**
 * Creates an image file of this size that must not exist yet (mode 0600), opened for writing and
 * locked. Its name is durable when this returns. Throws VolumeError VOLUME_IO or VOLUME_IN_USE; an
 * existing file is left as it is.
 */
export async function createVolumeFile(path: string, size: number): Promise<VolumeFile> {
  if (!Number.isSafeInteger(size) || size < 1 || size > BITLOCKER_LIMITS.volumeMaxBytes) {
    throw new VolumeError(
      'VOLUME_OPTION',
      `A volume has 1 to ${BITLOCKER_LIMITS.volumeMaxBytes} bytes`,
    )
  }
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL
  const handle = await openHandle(path, flags)
  try {
    await ioFailure('write', () => handle.truncate(size))
    await syncFolder(dirname(path))
    const lock = await lockVolume(await handle.stat({ bigint: true }))
    return new FileStorage(handle, { offset: 0, size, lock })
  } catch (error) {
    await handle.close()
    throw error
  }
}

/**
 * On a block device, O_EXCL without O_CREAT means "nobody else, no mount"; on a file it means
 * nothing.
 */
function openFlags(access: 'read' | 'write'): number {
  return access === 'read' ? constants.O_RDONLY : constants.O_RDWR | constants.O_EXCL
}

async function openHandle(path: string, flags: number): Promise<FileHandle> {
  try {
    return await open(path, flags, 0o600)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'EBUSY') throw inUse(path, 'the system has it mounted or mapped')
    if (code === 'EEXIST') {
      throw new VolumeError('VOLUME_IO', `${path} exists already; it is not overwritten`, { cause })
    }
    if (code === 'ENOENT') throw new VolumeError('VOLUME_IO', `${path} does not exist`, { cause })
    throw new VolumeError('VOLUME_IO', `${path} cannot be opened (${String(code)})`, { cause })
  }
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await openHandle(folder, constants.O_RDONLY)
  try {
    await ioFailure('write', () => handle.sync())
  } finally {
    await handle.close()
  }
}

function inUse(path: string, why: string): VolumeError {
  return new VolumeError('VOLUME_IN_USE', `${path} is in use: ${why}. Release it first`)
}

class FileStorage implements VolumeFile {
  readonly size: number
  readonly #handle: FileHandle
  readonly #offset: number
  readonly #lock: VolumeLock | undefined
  #closed = false

  constructor(handle: FileHandle, part: { offset: number; size: number; lock?: VolumeLock }) {
    this.#handle = handle
    this.#offset = part.offset
    this.size = part.size
    this.#lock = part.lock
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.#requireInside(offset, length)
    const bytes = new Uint8Array(length)
    let done = 0
    while (done < length) {
      const position = this.#offset + offset + done
      const { bytesRead } = await this.#handle.read(bytes, done, length - done, position)
      if (bytesRead === 0) throw new VolumeError('VOLUME_IO', 'The file became shorter')
      done += bytesRead
    }
    return bytes
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#requireInside(offset, bytes.length)
    let done = 0
    while (done < bytes.length) {
      const position = this.#offset + offset + done
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, position)
      done += bytesWritten
    }
  }

  async sync(): Promise<void> {
    await this.#handle.sync()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#handle.close()
    await this.#lock?.release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #requireInside(offset: number, length: number): void {
    if (offset >= 0 && offset + length <= this.size) return
    throw new VolumeError(
      'VOLUME_IO',
      `Bytes ${offset} to ${offset + length} lie outside the volume`,
    )
  }
}
