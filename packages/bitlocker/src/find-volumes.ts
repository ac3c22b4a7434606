/**
 * The BitLocker volumes on a disk, an image of one, or in the image of one volume. Invariant: the
 * first sector alone decides what is a volume here; whether it can be read is for readVolume to
 * say.
 */
import { BOOT_SECTOR_SIZE, parseBootSector } from './boot-sector.ts'
import { readPartitionTable } from './partition-table.ts'
import { VolumeError } from './volume-error.ts'
import { readExactly } from './volume-storage.ts'
import type { VolumeStorage } from './volume-storage.ts'

export interface FoundVolume {
  /** Bytes from the start of the disk. */
  readonly offset: number
  /** Bytes. */
  readonly size: number
  /** `none`: there is no partition table, the storage is the volume. */
  readonly scheme: 'none' | 'gpt' | 'mbr'
  /** Number of the partition, as operating systems count them; absent without a partition table. */
  readonly partition?: number
  /** Name of a GPT partition; may be empty. */
  readonly name?: string
}

/**
 * Finds every BitLocker volume, Vista's unreadable ones included; an empty list means that there is
 * none. Throws VolumeError: VOLUME_DAMAGED when the partition table is there but unusable,
 * VOLUME_IO when reading fails.
 */
export async function findVolumes(storage: VolumeStorage): Promise<FoundVolume[]> {
  if (await startsVolume(storage, 0)) {
    return [{ offset: 0, size: storage.size, scheme: 'none' }]
  }
  const table = await readPartitionTable(storage)
  const found: FoundVolume[] = []
  for (const { number, offset, size, name } of table?.partitions ?? []) {
    if (size < BOOT_SECTOR_SIZE || !(await startsVolume(storage, offset))) continue
    found.push({ offset, size, scheme: table?.scheme ?? 'none', partition: number, name })
  }
  return found
}

async function startsVolume(storage: VolumeStorage, offset: number): Promise<boolean> {
  if (storage.size < offset + BOOT_SECTOR_SIZE) return false
  try {
    parseBootSector(await readExactly(storage, offset, BOOT_SECTOR_SIZE))
    return true
  } catch (error) {
    if (!(error instanceof VolumeError) || error.code === 'VOLUME_IO') throw error
    return error.code !== 'VOLUME_NOT_BITLOCKER'
  }
}
