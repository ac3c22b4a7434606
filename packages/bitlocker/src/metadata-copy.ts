/**
 * One of the three metadata copies: a 65,536-byte region with a block (headers and datums) and its
 * validation area (docs/spec/fve-metadata.md, "Metadata copy"). Invariant: a parsed copy has a
 * correct CRC-32, consistent sizes, a complete datum walk, and says itself that it lies where it
 * was read.
 */
import { crc32 } from 'node:zlib'

import { DATUM_ROLE, DATUM_TYPE, NESTED_AT, parseDatums } from './datum.ts'
import type { Datum } from './datum.ts'
import { guidFromBytes } from './guid.ts'
import { BITLOCKER_LIMITS } from './limits.ts'
import { readOffset, readU16, readU32, readU64, take } from './little-endian.ts'
import { VolumeError } from './volume-error.ts'

export const BLOCK_SIGNATURE = '-FVE-FS-'
export const DATASET_AT = 64
export const DATASET_HEADER = 48
export const VALIDATION_SIZE = 88
/** Size of a copy on the disk. */
export const METADATA_REGION_SIZE = 65_536
/** Both headers and no datum at all: nothing smaller can be a block. */
const MIN_BLOCK_SIZE = 112
/** The validation area must fit behind the block. */
export const MAX_BLOCK_SIZE = METADATA_REGION_SIZE - VALIDATION_SIZE
export const STATE_ENCRYPTED = 4

export type CopyIndex = 0 | 1 | 2

export interface MetadataCopy {
  readonly index: CopyIndex
  /** Volume offset of the region. */
  readonly offset: number
  /** The whole region as read. */
  readonly region: Uint8Array
  /** Bytes that CRC-32 and the validation hash cover. */
  readonly blockSize: number
  readonly currentState: number
  readonly nextState: number
  /** Volume offset up to which the data is encrypted. */
  readonly stateOffset: number
  readonly relocatedSectors: number
  readonly metadataOffsets: readonly [number, number, number]
  readonly relocatedOffset: number
  readonly volumeId: string
  /** The only thing that grows with every change: there is no generation number. */
  readonly nextNonceCounter: number
  readonly method: number
  /** FILETIME. */
  readonly createdAt: bigint
  readonly datums: readonly Datum[]
}

/**
 * Parses a region that was read at `offset` as copy `index`. Throws VOLUME_DAMAGED or VOLUME_VISTA.
 */
export function parseMetadataCopy(
  region: Uint8Array,
  index: CopyIndex,
  offset: number,
): MetadataCopy {
  const blockSize = checkedBlockSize(region)
  const datasetEnd = checkedDatasetEnd(region, blockSize)
  if (crc32(region.subarray(0, blockSize)) !== readU32(region, blockSize + 4)) {
    throw damaged('its checksum is wrong')
  }
  const metadataOffsets = [
    readOffset(region, 32),
    readOffset(region, 40),
    readOffset(region, 48),
  ] as const
  if (metadataOffsets[index] !== offset) throw damaged('it says that it lies elsewhere')
  const datums = parseDatums(region, DATASET_AT + DATASET_HEADER, datasetEnd)
  checkProtectors(datums)
  return {
    index,
    offset,
    region,
    blockSize,
    currentState: readU16(region, 12),
    nextState: readU16(region, 14),
    stateOffset: readOffset(region, 16),
    relocatedSectors: readU32(region, 28),
    metadataOffsets,
    relocatedOffset: readOffset(region, 56),
    volumeId: guidFromBytes(take(region, 80, 16)),
    nextNonceCounter: readU32(region, 96),
    method: readU16(region, 100),
    createdAt: readU64(region, 104),
    datums,
  }
}

function checkedBlockSize(region: Uint8Array): number {
  if (region.length !== METADATA_REGION_SIZE) throw damaged('it is cut off')
  if (String.fromCharCode(...region.subarray(0, 8)) !== BLOCK_SIGNATURE) {
    throw damaged('it has no signature')
  }
  const version = readU16(region, 10)
  if (version === 1) {
    throw new VolumeError(
      'VOLUME_VISTA',
      'The metadata has the format of Windows Vista (version 1)',
    )
  }
  if (version !== 2) throw damaged(`its version ${version} is unknown`)
  const blockSize = readU16(region, 8) * 16
  if (blockSize < MIN_BLOCK_SIZE || blockSize > MAX_BLOCK_SIZE)
    throw damaged('its size is impossible')
  return blockSize
}

function checkedDatasetEnd(region: Uint8Array, blockSize: number): number {
  const size = readU32(region, DATASET_AT)
  const start = readU32(region, DATASET_AT + 8)
  const end = readU32(region, DATASET_AT + 12)
  const rounded = 16 * Math.ceil((DATASET_AT + size) / 16)
  if (start !== DATASET_HEADER || end !== size || size < DATASET_HEADER || rounded !== blockSize) {
    throw damaged('its sizes contradict each other')
  }
  return DATASET_AT + size
}

function checkProtectors(datums: readonly Datum[]): void {
  const protectors = datums.filter(isProtector)
  if (protectors.length > BITLOCKER_LIMITS.protectorsPerVolume)
    throw damaged('it lists too many protectors')
  if (protectors.some((datum) => datum.bytes.length < NESTED_AT.protector)) {
    throw damaged('it has a protector that is cut off')
  }
}

export function isProtector(datum: Datum): boolean {
  return datum.role === DATUM_ROLE.protector && datum.type === DATUM_TYPE.protector
}

function damaged(why: string): VolumeError {
  return new VolumeError('VOLUME_DAMAGED', `The metadata copy is damaged: ${why}`)
}
