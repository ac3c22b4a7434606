/**
 * May the metadata be rewritten (docs/spec/fve-metadata.md, "What is refused")? Invariant: what
 * this program does not know for certain is refused before the first byte is written.
 */
import { BOOT_SECTOR_SIZE } from './boot-sector.ts'
import type { BootSector } from './boot-sector.ts'
import { METADATA_REGION_SIZE, STATE_ENCRYPTED, isProtector } from './metadata-copy.ts'
import type { MetadataCopy } from './metadata-copy.ts'
import { parseProtector } from './protector.ts'
import { VolumeError } from './volume-error.ts'

/**
 * Throws VolumeError VOLUME_STATE or VOLUME_DAMAGED unless `source` may be written over the other
 * copies.
 */
export function requireWritable(boot: BootSector, source: MetadataCopy, volumeSize: number): void {
  if (boot.encryptOnWrite) {
    throw new VolumeError(
      'VOLUME_STATE',
      'The encryption of this volume is not finished (encrypt-on-write): let Windows ' +
        'finish it first',
    )
  }
  const { currentState, nextState } = source
  if (currentState !== STATE_ENCRYPTED || nextState !== STATE_ENCRYPTED) {
    throw new VolumeError(
      'VOLUME_STATE',
      `Only a fully encrypted volume is changed; this one is in state ` +
        `${currentState}, going to ${nextState}`,
    )
  }
  if (boot.metadataOffsets.some((offset, index) => offset !== source.metadataOffsets[index])) {
    throw new VolumeError(
      'VOLUME_DAMAGED',
      'Sector 0 and the metadata disagree about where the metadata copies lie: nothing is written',
    )
  }
  requireSeparateAreas(boot, source, volumeSize)
}

/** Throws VolumeError VOLUME_SUSPENDED when a clear key lies on the volume. */
export function requireProtected(source: MetadataCopy): void {
  const suspended = source.datums
    .filter(isProtector)
    .some((datum) => parseProtector(datum).type === 'clearKey')
  if (!suspended) return
  throw new VolumeError(
    'VOLUME_SUSPENDED',
    'The protection of this volume is suspended (it holds a clear key): resume it in Windows first',
  )
}

function requireSeparateAreas(boot: BootSector, source: MetadataCopy, volumeSize: number): void {
  const { sectorSize } = boot
  const areas = [
    { start: 0, end: Math.max(sectorSize, BOOT_SECTOR_SIZE) },
    {
      start: source.relocatedOffset,
      end: source.relocatedOffset + source.relocatedSectors * sectorSize,
    },
    ...source.metadataOffsets.map((start) => ({ start, end: start + METADATA_REGION_SIZE })),
  ].sort((a, b) => a.start - b.start)
  const wrong = areas.some(({ start, end }, index) => {
    const following = areas[index + 1]
    const overlapping = following !== undefined && end > following.start
    return overlapping || end > volumeSize || start % sectorSize !== 0
  })
  if (wrong) {
    throw new VolumeError(
      'VOLUME_DAMAGED',
      'The areas that the metadata names overlap, or lie outside the volume: nothing is written',
    )
  }
}
