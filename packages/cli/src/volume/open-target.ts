/**
 * Finds the BitLocker volume in what a command was given: the volume itself, or one partition of a
 * whole disk. Invariant: with several candidates a person chooses, not this program.
 */
import { findVolumes, openVolumeFile } from '@keydesk/bitlocker/volume'
import type { VolumeFile } from '@keydesk/bitlocker/volume'

import { CommandError } from '../command-error.ts'

export interface TargetOptions {
  /** From 1, among the BitLocker partitions. */
  readonly partition?: number
}

/** Opens the volume. Throws VolumeError, and CommandError PARTITION. */
export async function openTarget(
  path: string,
  access: 'read' | 'write',
  { partition }: TargetOptions,
): Promise<VolumeFile> {
  const { offset, size } = await choose(path, partition)
  return await openVolumeFile(path, { access, offset, size })
}

async function choose(
  path: string,
  partition: number | undefined,
): Promise<{ offset: number; size: number }> {
  await using disk = await openVolumeFile(path, { access: 'read' })
  const volumes = await findVolumes(disk)
  if (partition !== undefined && volumes[0]?.scheme === 'none') {
    throw new CommandError('PARTITION', `${path} is not a whole disk: leave out --partition`)
  }
  // Nothing found: reading the whole then says best what is wrong.
  if (volumes.length === 0) return { offset: 0, size: disk.size }
  const only = volumes.length === 1 ? volumes[0] : undefined
  const chosen = partition === undefined ? only : volumes[partition - 1]
  if (!chosen) throw wrongPartition(path, volumes.length)
  return chosen
}

function wrongPartition(path: string, count: number): CommandError {
  const what = count === 1 ? 'one BitLocker partition' : `${count} BitLocker partitions`
  const range = count === 1 ? '1' : `1 to ${count}`
  return new CommandError(
    'PARTITION',
    `${path} has ${what}: choose with --partition (${range}) from what "keydesk volume inspect" shows`,
  )
}
