/**
 * How many bytes a file or block device has. Source of truth for devices: Linux's
 * /sys/dev/block/MAJ:MIN/size, in units of 512 bytes; elsewhere the last byte that can be asked
 * for. Invariant: a sector that cannot be read never passes for the end.
 */
import type { BigIntStats } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { BITLOCKER_LIMITS } from './limits.ts'
import { deviceNumber } from './mounted-volume.ts'
import { VolumeError } from './volume-error.ts'
import { ioFailure } from './volume-storage.ts'

const SYSFS_SECTOR = 512
/** What systems answer to a read behind the end of a device, besides no bytes at all. */
const BEYOND_END = new Set(['EINVAL', 'ENXIO'])

/** What is needed of a file handle. */
export interface SizedHandle {
  stat(options: { bigint: true }): Promise<BigIntStats>
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number }>
}

/** Bytes. Throws VolumeError VOLUME_IO; tests give another root than /sys. */
export async function sizeOf(handle: SizedHandle, sys = '/sys'): Promise<number> {
  const stat = await handle.stat({ bigint: true })
  if (stat.isFile()) return Number(stat.size)
  if (!stat.isBlockDevice()) {
    throw new VolumeError('VOLUME_IO', 'This is neither a file nor a block device')
  }
  return (await sizeInSysfs(stat.rdev, sys)) ?? (await ioFailure('read', () => findEnd(handle)))
}

async function sizeInSysfs(rdev: bigint, sys: string): Promise<number | undefined> {
  const path = join(sys, 'dev/block', deviceNumber(rdev), 'size')
  const text = await readFile(path, 'utf8').catch(() => '')
  return /^\d{1,15}\n$/.test(text) ? Number(text) * SYSFS_SECTOR : undefined
}

async function findEnd(handle: SizedHandle): Promise<number> {
  if (!(await hasByteAt(handle, 0))) return 0
  let readable = 0
  let beyond = BITLOCKER_LIMITS.volumeMaxBytes
  while (beyond - readable > 1) {
    const middle = Math.floor((readable + beyond) / 2)
    if (await hasByteAt(handle, middle)) readable = middle
    else beyond = middle
  }
  return beyond
}

async function hasByteAt(handle: SizedHandle, position: number): Promise<boolean> {
  try {
    const { bytesRead } = await handle.read(new Uint8Array(1), 0, 1, position)
    return bytesRead === 1
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (BEYOND_END.has(code)) return false
    throw error
  }
}
