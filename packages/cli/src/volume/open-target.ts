/**
 * Finds the BitLocker volume in what a command was given: the volume itself, or one partition of a
 * whole disk. Invariant: with several candidates a person chooses, not this program.
 */
import { openVolumeFile } from '@keydesk/bitlocker/volume'
import type { VolumeFile } from '@keydesk/bitlocker/volume'

import { CommandError } from '../command-error.ts'
import { locateVolumes } from './locate-volumes.ts'

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
  const { isDisk, volumes } = await locateVolumes(disk)
  // Not a disk, or nothing on it: reading the whole then says best what is wrong.
  const whole = { offset: 0, size: disk.size }
  if (partition === undefined) {
    if (volumes.length > 1) throw wrongPartition(path, volumes.length)
    return volumes[0] ?? whole
  }
  if (!isDisk || volumes.length === 0) return whole
  const chosen = volumes[partition - 1]
  if (!chosen) throw wrongPartition(path, volumes.length)
  return chosen
}

function wrongPartition(path: string, count: number): CommandError {
  const range = count === 1 ? '--partition 1 or nothing' : `--partition 1 to ${count}`
  return new CommandError(
    'PARTITION',
    `${path} has ${count} BitLocker partition${count === 1 ? '' : 's'}: choose with ${range}; ` +
      '"keydesk volume inspect" shows them',
  )
}
