/**
 * Whole-disk images for tests: a GPT or MBR written from the UEFI specification (2.10 §5), with
 * volumes inside. The tables are written independently of the code that reads them; where sfdisk is
 * present it judges them.
 */
import { crc32 } from 'node:zlib'

import { guidToBytes } from '../guid.ts'

const BASIC_DATA = 'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7'

export interface DiskPartition {
  /** First sector. */
  readonly first: number
  /** Sectors. */
  readonly count: number
  readonly name?: string
}

/** Writes protective MBR, both GPT headers and both entry arrays. */
export function writeGpt(
  disk: Uint8Array,
  partitions: readonly DiskPartition[],
  sectorSize = 512,
): void {
  const lastSector = disk.length / sectorSize - 1
  const arraySectors = (128 * 128) / sectorSize
  const array = new Uint8Array(128 * 128)
  for (const [index, { first, count, name = '' }] of partitions.entries()) {
    const entry = new DataView(array.buffer, index * 128, 128)
    array.set(guidToBytes(BASIC_DATA), index * 128)
    array.set(guidToBytes(`00000000-0000-4000-8000-00000000000${index}`), index * 128 + 16)
    entry.setBigUint64(32, BigInt(first), true)
    entry.setBigUint64(40, BigInt(first + count - 1), true)
    for (let at = 0; at < name.length; at++) {
      entry.setUint16(56 + 2 * at, name.charCodeAt(at), true)
    }
  }
  const places = [
    { own: 1, other: lastSector, entries: 2 },
    { own: lastSector, other: 1, entries: lastSector - arraySectors },
  ]
  for (const { own, other, entries } of places) {
    const header = new Uint8Array(92)
    const view = new DataView(header.buffer)
    header.set(new TextEncoder().encode('EFI PART'))
    view.setUint32(8, 0x10000, true)
    view.setUint32(12, 92, true)
    view.setBigUint64(24, BigInt(own), true)
    view.setBigUint64(32, BigInt(other), true)
    view.setBigUint64(40, BigInt(2 + arraySectors), true)
    view.setBigUint64(48, BigInt(lastSector - arraySectors - 1), true)
    header.set(guidToBytes('00000000-0000-4000-8000-0000000000ff'), 56)
    view.setBigUint64(72, BigInt(entries), true)
    view.setUint32(80, 128, true)
    view.setUint32(84, 128, true)
    view.setUint32(88, crc32(array), true)
    view.setUint32(16, crc32(header), true)
    disk.set(header, own * sectorSize)
    disk.set(array, entries * sectorSize)
  }
  writeMbrRecord(disk, 0, [{ type: 0xee, first: 1, count: lastSector }])
}

export interface MbrEntry {
  readonly type: number
  /** As written: relative to whatever the record's entry counts from. */
  readonly first: number
  readonly count: number
}

/**
 * Writes the four entries and the signature of the record in this 512-byte sector; the rest stays.
 */
export function writeMbrRecord(
  disk: Uint8Array,
  sector: number,
  entries: readonly MbrEntry[],
): void {
  const view = new DataView(disk.buffer, disk.byteOffset + sector * 512, 512)
  for (const [index, { type, first, count }] of entries.entries()) {
    view.setUint8(446 + 16 * index + 4, type)
    view.setUint32(446 + 16 * index + 8, first, true)
    view.setUint32(446 + 16 * index + 12, count, true)
  }
  view.setUint16(510, 0xaa55, true)
}

/** Makes the sector at this byte look like sector 0 of a BitLocker volume. */
export function markVolume(disk: Uint8Array, offset: number): void {
  disk.set(new TextEncoder().encode('-FVE-FS-'), offset + 3)
  disk.set(guidToBytes('4967d63b-2e29-4ad8-8399-f6a339e3d001'), offset + 160)
  disk.set([0x55, 0xaa], offset + 510)
}
