/**
 * The partitions of a whole disk or its image. Source of truth: UEFI specification 2.10 §5 (MBR in
 * §5.2, GPT in §5.3). Invariants: input is hostile: reads and memory are bounded
 * (partition-table-limits.ts); a partition that does not lie inside the disk is left out; a GPT
 * counts only with both of its checksums right.
 */
import type { VolumeStorage } from './volume-storage.ts'
import { readGpt } from './partition-table-gpt.ts'
import { readMbr } from './partition-table-mbr.ts'
import { VolumeError } from './volume-error.ts'

export interface Partition {
  /** As operating systems count: from 1; logical MBR partitions from 5. */
  readonly number: number
  /** Bytes from the start of the disk. */
  readonly offset: number
  /** Bytes. */
  readonly size: number
  /** GPT only; may be empty. */
  readonly name: string
}

export interface PartitionTable {
  readonly scheme: 'gpt' | 'mbr'
  /** Bytes of a logical sector. The MBR does not say: 512 is assumed. */
  readonly sectorSize: number
  /** In the order of their numbers. */
  readonly partitions: readonly Partition[]
  /** The GPT at the start of the disk is damaged or missing, and its copy at the end was used. */
  readonly usedBackup: boolean
}

/**
 * The disk's partition table, or undefined when there is none. Throws VolumeError: VOLUME_DAMAGED
 * when the disk says it has a GPT and neither of its two copies is usable, VOLUME_IO when reading
 * fails.
 */
export async function readPartitionTable(
  storage: VolumeStorage,
): Promise<PartitionTable | undefined> {
  const mbr = await readMbr(storage)
  if (mbr !== undefined && !mbr.protective) {
    return { scheme: 'mbr', sectorSize: 512, partitions: mbr.partitions, usedBackup: false }
  }
  // Also without a protective MBR: whoever looks for a volume on a damaged disk wants it found.
  const gpt = await readGpt(storage)
  if (gpt === undefined && mbr?.protective === true) {
    throw new VolumeError(
      'VOLUME_DAMAGED',
      'The disk has a GPT partition table, but both of its copies are damaged',
    )
  }
  return gpt && { scheme: 'gpt', ...gpt }
}
