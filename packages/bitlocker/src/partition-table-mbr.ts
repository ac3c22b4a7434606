/**
 * MBR partition tables with extended partitions. Source of truth: UEFI specification 2.10 §5.2.1
 * for the record; the chain of logical partitions is a convention that all systems follow: the
 * first entry of each record is the partition, relative to that record, the second is the next
 * record, relative to the extended partition.
 */
import { readU16, readU32 } from './little-endian.ts'
import { MAX_LOGICAL_PARTITIONS } from './partition-table-limits.ts'
import type { Partition } from './partition-table.ts'
import { readExactly } from './volume-storage.ts'
import type { VolumeStorage } from './volume-storage.ts'

/** The MBR counts in sectors without saying how large they are. Disks with others use a GPT. */
const SECTOR_SIZE = 512
const ENTRIES_AT = 446
const ENTRY_SIZE = 16
const SIGNATURE_AT = 510
const SIGNATURE = 0xaa55
const PROTECTIVE = 0xee
const EXTENDED = [0x05, 0x0f, 0x85]
const FIRST_LOGICAL = 5

interface Entry {
  readonly type: number
  /** Bytes, from wherever the entry counts. */
  readonly start: number
  readonly size: number
}

export interface Mbr {
  /** It only stands in front of a GPT. */
  readonly protective: boolean
  readonly partitions: readonly Partition[]
}

/**
 * Undefined when sector 0 is not a partition table; a file system's boot sector is not. Throws
 * VolumeError VOLUME_IO.
 */
export async function readMbr(storage: VolumeStorage): Promise<Mbr | undefined> {
  if (storage.size < SECTOR_SIZE) return undefined
  const sector = await readExactly(storage, 0, SECTOR_SIZE)
  const entries = parseRecord(sector)
  if (entries === undefined) return undefined
  const used = entries.flatMap((entry, index) =>
    entry.type === 0 ? [] : [{ ...entry, number: index + 1 }],
  )
  if (used.length === 0) return undefined
  if (used.some(({ type }) => type === PROTECTIVE)) return { protective: true, partitions: [] }
  const primary = used.filter((entry) => isInside(entry, storage.size))
  if (primary.length === 0) return undefined
  const logical: Partition[] = []
  for (const extended of primary.filter(({ type }) => EXTENDED.includes(type))) {
    logical.push(...(await readChain(storage, extended, FIRST_LOGICAL + logical.length)))
  }
  const plain = primary.filter(({ type }) => !EXTENDED.includes(type))
  const partitions = plain.map(({ number, start, size }) => partition(number, start, size))
  return { protective: false, partitions: [...partitions, ...logical] }
}

/** Follows the chain until it ends, leaves the extended partition, comes back, or is too long. */
async function readChain(
  storage: VolumeStorage,
  extended: Entry,
  firstNumber: number,
): Promise<Partition[]> {
  const found: Partition[] = []
  const visited = new Set<number>()
  let next: number | undefined = extended.start
  while (next !== undefined && visited.size < MAX_LOGICAL_PARTITIONS) {
    const record: number = next
    visited.add(record)
    const [own, link] = parseRecord(await readExactly(storage, record, SECTOR_SIZE)) ?? []
    if (own !== undefined && own.type !== 0 && !EXTENDED.includes(own.type)) {
      const logical = { ...own, start: record + own.start }
      if (isInside(logical, extended.start + extended.size)) {
        found.push(partition(firstNumber + found.length, logical.start, logical.size))
      }
    }
    const linked = link !== undefined && EXTENDED.includes(link.type)
    const target = extended.start + (link?.start ?? 0)
    const usable =
      linked &&
      target + SECTOR_SIZE <= Math.min(storage.size, extended.start + extended.size) &&
      !visited.has(target)
    next = usable ? target : undefined
  }
  return found
}

function parseRecord(sector: Uint8Array): Entry[] | undefined {
  if (readU16(sector, SIGNATURE_AT) !== SIGNATURE) return undefined
  const entries = [0, 1, 2, 3].map((index) => ENTRIES_AT + index * ENTRY_SIZE)
  // 0 or 0x80 (active) is all that may stand here; in a boot sector this is code or text.
  if (entries.some((at) => sector[at] !== 0 && sector[at] !== 0x80)) return undefined
  return entries.map((at) => ({
    type: sector[at + 4] ?? 0,
    start: readU32(sector, at + 8) * SECTOR_SIZE,
    size: readU32(sector, at + 12) * SECTOR_SIZE,
  }))
}

function isInside({ start, size }: Entry, end: number): boolean {
  return start > 0 && size > 0 && start + size <= end
}

function partition(number: number, offset: number, size: number): Partition {
  return { number, offset, size, name: '' }
}
