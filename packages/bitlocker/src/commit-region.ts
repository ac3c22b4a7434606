/**
 * Writes one generation of the metadata over the three copies so that a crash after any single
 * sector leaves a volume that opens (docs/spec/fve-metadata.md, "Write order"). Invariants: copies
 * 2, 1, 0, one after the other; inside a copy the first write makes it invalid and the last one
 * makes it valid again, with a sync between; only sectors that differ are written; a single sector
 * write is atomic.
 */
import { equalBytes, readU16 } from './little-endian.ts'
import { VolumeError } from './volume-error.ts'
import { ioFailure, readExactly } from './volume-storage.ts'
import type { VolumeStorage } from './volume-storage.ts'
import { METADATA_REGION_SIZE } from './metadata-copy.ts'

/**
 * The last copy first: until copy 0 is complete, whoever takes the first good copy still sees the
 * old generation.
 */
export const WRITE_ORDER = [2, 1, 0] as const

export interface RegionPlaces {
  readonly metadataOffsets: readonly [number, number, number]
  readonly sectorSize: number
}

/**
 * Writes `region` to all three copies and reads them back. Copies that are alike already cost a
 * read. Throws VolumeError VOLUME_IO, and VOLUME_WRITE_UNVERIFIED when a copy does not read back as
 * written.
 */
export async function commitRegion(
  storage: VolumeStorage,
  places: RegionPlaces,
  region: Uint8Array,
): Promise<void> {
  for (const index of WRITE_ORDER) {
    const offset = places.metadataOffsets[index]
    const current = await readExactly(storage, offset, METADATA_REGION_SIZE)
    for (const step of writeSteps(current, region, places.sectorSize)) {
      for (const { at, bytes } of step) {
        await ioFailure('write', () => storage.write(offset + at, bytes))
      }
      await ioFailure('write', () => storage.sync())
    }
  }
  for (const offset of places.metadataOffsets) {
    const written = await readExactly(storage, offset, METADATA_REGION_SIZE)
    if (!equalBytes(written, region)) {
      throw new VolumeError(
        'VOLUME_WRITE_UNVERIFIED',
        `The metadata copy at ${offset} does not read back as written: the disk may be failing`,
      )
    }
  }
}

interface SectorWrite {
  /** Offset in the region. */
  readonly at: number
  readonly bytes: Uint8Array
}

/** The writes that turn `current` into `next`; a sync belongs behind each step. */
function writeSteps(current: Uint8Array, next: Uint8Array, sectorSize: number): SectorWrite[][] {
  const sectors = METADATA_REGION_SIZE / sectorSize
  const sector = (bytes: Uint8Array, number: number) =>
    bytes.subarray(number * sectorSize, (number + 1) * sectorSize)
  const write = (number: number): SectorWrite => ({
    at: number * sectorSize,
    bytes: sector(next, number),
  })
  const changed = Array.from({ length: sectors }, (_, number) => number).filter(
    (number) => !equalBytes(sector(current, number), sector(next, number)),
  )
  if (changed.length <= 1) return changed.map((number) => [write(number)])
  const checksumAt = readU16(next, 8) * 16 + 4
  const last = Math.floor(checksumAt / sectorSize)
  // The nonce counter in the header is new in every generation, so the old checksum stops fitting
  // with this write.
  const headerInvalidates = changed.includes(0) && last !== 0
  const first = headerInvalidates ? write(0) : withWrongChecksum(write(last), checksumAt)
  const between = changed.filter(
    (number) => number !== last && !(headerInvalidates && number === 0),
  )
  return [[first], between.map(write), [write(last)]].filter((step) => step.length > 0)
}

function withWrongChecksum({ at, bytes }: SectorWrite, checksumAt: number): SectorWrite {
  const wrong = bytes.slice()
  for (let byte = checksumAt - at; byte < checksumAt - at + 4; byte++) {
    wrong[byte] = (wrong[byte] ?? 0) ^ 0xff
  }
  return { at, bytes: wrong }
}
