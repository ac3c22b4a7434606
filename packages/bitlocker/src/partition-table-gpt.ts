/**
 * GUID partition tables: the header at the start of the disk, and the one at the end when that is
 * damaged. Source of truth: UEFI specification 2.10 §5.3.
 */
import { crc32 } from 'node:zlib'

import { readOffset, readU32, take } from './little-endian.ts'
import {
  MAX_GPT_ENTRIES,
  MAX_GPT_ENTRY_SIZE,
  MAX_GPT_TABLE_SIZE,
} from './partition-table-limits.ts'
import type { Partition, PartitionTable } from './partition-table.ts'
import { VolumeError } from './volume-error.ts'
import { readExactly } from './volume-storage.ts'
import type { VolumeStorage } from './volume-storage.ts'

/** What disks use; 512 first, since nearly all do. */
const SECTOR_SIZES = [512, 4096]
const SIGNATURE = 'EFI PART'
const REVISION_1 = 0x00010000
const MIN_HEADER_SIZE = 92
const MIN_ENTRY_SIZE = 128
const NAME_AT = 56
const NAME_LENGTH = 72

interface Header {
  readonly entriesAt: number
  readonly entryCount: number
  readonly entrySize: number
  readonly entriesChecksum: number
}

/** The first usable GPT, or undefined when there is none. Throws VolumeError VOLUME_IO. */
export async function readGpt(
  storage: VolumeStorage,
): Promise<Omit<PartitionTable, 'scheme'> | undefined> {
  for (const usedBackup of [false, true]) {
    for (const sectorSize of SECTOR_SIZES) {
      const sector = usedBackup ? Math.floor(storage.size / sectorSize) - 1 : 1
      const partitions = await readCopy(storage, sector, sectorSize)
      if (partitions !== undefined) return { sectorSize, partitions, usedBackup }
    }
  }
  return undefined
}

/** Undefined for whatever is no valid GPT; only a failing disk throws. */
async function readCopy(
  storage: VolumeStorage,
  sector: number,
  sectorSize: number,
): Promise<Partition[] | undefined> {
  try {
    const header = parseHeader(await readExactly(storage, sector * sectorSize, sectorSize), sector)
    if (header === undefined) return undefined
    const { entriesAt, entryCount, entrySize } = header
    const table = await readExactly(storage, entriesAt * sectorSize, entryCount * entrySize)
    if (crc32(table) !== header.entriesChecksum) return undefined
    const entries = Array.from({ length: entryCount }, (_, index) =>
      table.subarray(index * entrySize, (index + 1) * entrySize),
    )
    return entries.flatMap((entry, index) => {
      const partition = parseEntry(entry, index + 1, sectorSize)
      const inside = partition && partition.offset + partition.size <= storage.size
      return inside ? [partition] : []
    })
  } catch (error) {
    if (error instanceof VolumeError && error.code === 'VOLUME_DAMAGED') return undefined
    throw error
  }
}

function parseHeader(block: Uint8Array, sector: number): Header | undefined {
  if (String.fromCharCode(...block.subarray(0, 8)) !== SIGNATURE) return undefined
  const size = readU32(block, 12)
  if (readU32(block, 8) !== REVISION_1) return undefined
  if (size < MIN_HEADER_SIZE || size > block.length) return undefined
  const header = take(block, 0, size)
  header.fill(0, 16, 20)
  if (crc32(header) !== readU32(block, 16)) return undefined
  if (readOffset(block, 24) !== sector) return undefined
  const entryCount = readU32(block, 80)
  const entrySize = readU32(block, 84)
  const plausible =
    entryCount <= MAX_GPT_ENTRIES &&
    entrySize >= MIN_ENTRY_SIZE &&
    entrySize <= MAX_GPT_ENTRY_SIZE &&
    entryCount * entrySize <= MAX_GPT_TABLE_SIZE
  if (!plausible) return undefined
  return {
    entriesAt: readOffset(block, 72),
    entryCount,
    entrySize,
    entriesChecksum: readU32(block, 88),
  }
}

function parseEntry(entry: Uint8Array, number: number, sectorSize: number): Partition | undefined {
  const unused = entry.subarray(0, 16).every((byte) => byte === 0)
  if (unused) return undefined
  const first = readOffset(entry, 32)
  const last = readOffset(entry, 40)
  if (first === 0 || last < first) return undefined
  return {
    number,
    offset: first * sectorSize,
    size: (last - first + 1) * sectorSize,
    name: decodeName(entry.subarray(NAME_AT, NAME_AT + NAME_LENGTH)),
  }
}

/** UTF-16 up to the first zero, without control characters: it is going to be shown. */
function decodeName(bytes: Uint8Array): string {
  const [name = ''] = new TextDecoder('utf-16le').decode(bytes).split('\0')
  return name.replaceAll(/\p{Cc}/gu, '')
}
