/**
 * Where a new volume keeps its metadata (docs/spec/fve-metadata.md, "Creating"): behind the file
 * system, at the end of the volume, so that no file system ever uses it. Invariant: the areas
 * overlap neither each other nor the file system.
 */
import { BITLOCKER_LIMITS } from './limits.ts'
import { VolumeError } from './volume-error.ts'
import { METADATA_REGION_SIZE } from './metadata-copy.ts'

/** Bytes at the beginning of the file system that are stored elsewhere. */
export const RELOCATED_SIZE = 8_192

/**
 * Windows reserves as much again behind the relocated header; the format names the place, so it is
 * kept free.
 */
export const SPARE_SIZE = 65_536

const ALIGNMENT = 4_096
const RESERVED_SIZE = 3 * METADATA_REGION_SIZE + RELOCATED_SIZE + SPARE_SIZE

export interface VolumeLayout {
  readonly metadataOffsets: readonly [number, number, number]
  readonly relocatedOffset: number
  /** Bytes that a file system may use. */
  readonly usable: number
}

/**
 * The size of a volume for a file system of `sourceSize` bytes: `size` if given, else the smallest
 * possible. Throws VolumeError VOLUME_OPTION when `size` is too small (the message says what is
 * needed), too large or not whole sectors.
 */
export function planVolumeSize(options: {
  readonly sourceSize?: number | undefined
  readonly size?: number | undefined
  readonly sectorSize?: 512 | 4096 | undefined
}): number {
  const { sourceSize = 0, size, sectorSize = 512 } = options
  const needed = Math.max(
    BITLOCKER_LIMITS.newVolumeMinBytes,
    ALIGNMENT * Math.ceil(sourceSize / ALIGNMENT) + RESERVED_SIZE,
  )
  if (size === undefined && sourceSize === 0) {
    throw new VolumeError('VOLUME_OPTION', 'An empty volume needs a size')
  }
  const planned = size ?? needed
  if (!Number.isSafeInteger(planned) || planned > BITLOCKER_LIMITS.volumeMaxBytes) {
    throw new VolumeError(
      'VOLUME_OPTION',
      `A volume has at most ${BITLOCKER_LIMITS.volumeMaxBytes} bytes`,
    )
  }
  if (planned % sectorSize !== 0) {
    throw new VolumeError('VOLUME_OPTION', `The size must be a multiple of ${sectorSize} bytes`)
  }
  if (planned < needed || planVolumeLayout(planned).usable < sourceSize) {
    const why = sourceSize > 0 ? `for a file system of ${sourceSize} bytes` : 'for a volume'
    throw new VolumeError(
      'VOLUME_OPTION',
      `${planned} bytes are too small ${why}: with the metadata behind it, ${needed} are needed`,
    )
  }
  return planned
}

/** The places inside a volume whose size planVolumeSize has accepted. */
export function planVolumeLayout(size: number): VolumeLayout {
  const usable = ALIGNMENT * Math.floor((size - RESERVED_SIZE) / ALIGNMENT)
  const relocatedOffset = usable + METADATA_REGION_SIZE
  const second = relocatedOffset + RELOCATED_SIZE + SPARE_SIZE
  return {
    metadataOffsets: [usable, second, second + METADATA_REGION_SIZE],
    relocatedOffset,
    usable,
  }
}
