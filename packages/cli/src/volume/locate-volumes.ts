/** Where the BitLocker volumes of an image or device are. */
import type { VolumeFile } from '@keydesk/bitlocker/volume'

export interface LocatedVolumes {
  /** It has a partition table; else it is a volume itself, or nothing that we know. */
  readonly isDisk: boolean
  readonly volumes: readonly { readonly offset: number; readonly size: number }[]
}

/** In the order of the disk; their place in the list, from 1, is their number on the command line. */
export async function locateVolumes(disk: VolumeFile): Promise<LocatedVolumes> {
  return { isDisk: false, volumes: [{ offset: 0, size: disk.size }] }
}
