/**
 * The fixed structures of a new volume: sector 0, the first 112 bytes of the block, the
 * virtualization datum (docs/spec/fve-metadata.md). Invariant: sector 0 and block agree on every
 * offset, as all readers demand.
 */
import { BOOT_SECTOR_SIZE, NORMAL_GUID } from './boot-sector.ts'
import { DATUM_ROLE, DATUM_TYPE, encodeDatum } from './datum.ts'
import { guidToBytes } from './guid.ts'
import { writeU16, writeU32, writeU64 } from './little-endian.ts'
import { BLOCK_SIGNATURE, DATASET_AT, DATASET_HEADER, STATE_ENCRYPTED } from './metadata-copy.ts'
import { RELOCATED_SIZE, SPARE_SIZE } from './volume-layout.ts'
import type { VolumeLayout } from './volume-layout.ts'

const METADATA_VERSION = 2

/**
 * Sector 0 of a fixed volume. `hidden sectors` is 0: the image does not know which disk it will lie
 * on.
 */
export function encodeBootSector(layout: VolumeLayout, sectorSize: 512 | 4096): Uint8Array {
  const sector = new Uint8Array(BOOT_SECTOR_SIZE)
  sector.set([0xeb, 0x58, 0x90])
  writeText(sector, 3, BLOCK_SIGNATURE)
  writeU16(sector, 11, sectorSize)
  sector[13] = 4096 / sectorSize
  sector[21] = 0xf8
  writeU16(sector, 24, 0x3f)
  writeU16(sector, 26, 0xff)
  writeU32(sector, 36, 0x1fe0)
  writeU16(sector, 48, 1)
  writeU16(sector, 50, 6)
  sector[64] = 0x80
  sector[66] = 0x29
  writeText(sector, 71, 'NO NAME    ')
  writeText(sector, 82, 'FAT32   ')
  // Where a PC would start executing: halt, and again.
  sector.set([0xf4, 0xeb, 0xfd], 90)
  sector.set(guidToBytes(NORMAL_GUID), 160)
  for (const [index, offset] of layout.metadataOffsets.entries()) {
    writeU64(sector, 176 + 8 * index, offset)
  }
  sector.set([0x55, 0xaa], 510)
  return sector
}

/**
 * Information and dataset header; the sizes and the nonce counter are filled in by encodeRegion.
 */
export function encodeBlockHeader(volume: {
  readonly layout: VolumeLayout
  readonly size: number
  readonly sectorSize: number
  readonly method: number
  readonly volumeId: string
  /** FILETIME. */
  readonly createdAt: bigint
}): Uint8Array {
  const header = new Uint8Array(DATASET_AT + DATASET_HEADER)
  writeText(header, 0, BLOCK_SIGNATURE)
  writeU16(header, 10, METADATA_VERSION)
  writeU16(header, 12, STATE_ENCRYPTED)
  writeU16(header, 14, STATE_ENCRYPTED)
  writeU64(header, 16, volume.size)
  writeU32(header, 28, RELOCATED_SIZE / volume.sectorSize)
  for (const [index, offset] of volume.layout.metadataOffsets.entries()) {
    writeU64(header, 32 + 8 * index, offset)
  }
  writeU64(header, 56, volume.layout.relocatedOffset)
  writeU32(header, DATASET_AT + 4, 1)
  writeU32(header, DATASET_AT + 8, DATASET_HEADER)
  header.set(guidToBytes(volume.volumeId), DATASET_AT + 16)
  writeU16(header, DATASET_AT + 36, volume.method)
  writeU16(header, DATASET_AT + 38, volume.method)
  writeU64(header, DATASET_AT + 40, volume.createdAt)
  return header
}

/**
 * The virtualization datum in the form of Windows 8 and later, which all Windows-made XTS volumes
 * have.
 */
export function encodeVirtualization(layout: VolumeLayout, sectorSize: number): Uint8Array {
  const info = new Uint8Array(92)
  writeU64(info, 0, layout.relocatedOffset)
  writeU64(info, 8, RELOCATED_SIZE)
  writeU16(info, 16, 5)
  writeU16(info, 18, 76)
  writeU64(info, 24, 0x0a)
  writeU32(info, 44, sectorSize)
  writeU32(info, 48, sectorSize)
  writeU32(info, 52, 10)
  writeU32(info, 60, 19_041)
  writeU32(info, 64, 2)
  writeU16(info, 72, 0x0110)
  info[74] = 1
  info[75] = 2
  writeU64(info, 76, layout.relocatedOffset + RELOCATED_SIZE)
  writeU32(info, 84, SPARE_SIZE)
  return encodeDatum({ role: DATUM_ROLE.virtualization, type: DATUM_TYPE.virtualization }, info)
}

function writeText(bytes: Uint8Array, at: number, text: string): void {
  bytes.set(new TextEncoder().encode(text), at)
}
