/**
 * Sector 0 of a BitLocker volume (docs/spec/fve-metadata.md, "Sector 0"): recognition, and where
 * the three metadata copies lie. Invariant: nothing here is trusted; the offsets are checked again
 * by whoever reads at them.
 */
import { guidFromBytes } from './guid.ts'
import { readOffset, readU16, take } from './little-endian.ts'
import { VolumeError } from './volume-error.ts'

export const BOOT_SECTOR_SIZE = 512

export const NORMAL_GUID = '4967d63b-2e29-4ad8-8399-f6a339e3d001'
const ENCRYPT_ON_WRITE_GUID = '92a84d3b-dd80-4d0e-9e4e-b1e3284eaed8'
const STANDARD_AT = 160
const TO_GO_AT = 424
const GUID_AND_OFFSETS = 40

export interface BootSector {
  /** Bytes: 512 or 4096. */
  readonly sectorSize: 512 | 4096
  /** Volume offsets of metadata copies 0, 1 and 2, as sector 0 gives them. */
  readonly metadataOffsets: readonly [number, number, number]
  /** The "encrypt on write" GUID: a conversion that is not finished. */
  readonly encryptOnWrite: boolean
}

/** Reads 512 bytes. Throws VOLUME_NOT_BITLOCKER, VOLUME_VISTA or VOLUME_DAMAGED. */
export function parseBootSector(sector: Uint8Array): BootSector {
  if (sector.length < BOOT_SECTOR_SIZE) {
    throw new VolumeError('VOLUME_NOT_BITLOCKER', 'This is too short to be a BitLocker volume')
  }
  const found = findGuid(sector)
  if (!found) {
    if (isVista(sector)) throw vistaVolume()
    throw new VolumeError(
      'VOLUME_NOT_BITLOCKER',
      'This is not a BitLocker volume: sector 0 has no BitLocker signature',
    )
  }
  const offset = (index: number) => readOffset(sector, found.at + 16 + 8 * index)
  return {
    sectorSize: sectorSizeOf(sector),
    metadataOffsets: [offset(0), offset(1), offset(2)],
    encryptOnWrite: found.encryptOnWrite,
  }
}

/** The refusal of version 1, wherever in the volume it shows. */
export function vistaVolume(): VolumeError {
  return new VolumeError(
    'VOLUME_VISTA',
    'This volume has the format of Windows Vista (version 1), which is not ' +
      'supported. Unlock it with Windows 7 or later',
  )
}

function sectorSizeOf(sector: Uint8Array): 512 | 4096 {
  // exFAT volumes of Windows 10 1903 and later leave the field empty.
  const size = readU16(sector, 11) || 512
  if (size !== 512 && size !== 4096) {
    throw new VolumeError(
      'VOLUME_DAMAGED',
      `Sector 0 gives a sector size of ${size} bytes; 512 and 4096 are possible`,
    )
  }
  return size
}

function findGuid(sector: Uint8Array): { at: number; encryptOnWrite: boolean } | undefined {
  const last = BOOT_SECTOR_SIZE - GUID_AND_OFFSETS
  const anywhere = Array.from({ length: last + 1 }, (_, at) => at)
  for (const at of [STANDARD_AT, TO_GO_AT, ...anywhere]) {
    // 0x3b starts both GUIDs: it spares making 470 texts.
    if (sector[at] !== 0x3b) continue
    const guid = guidFromBytes(take(sector, at, 16))
    if (guid === NORMAL_GUID) return { at, encryptOnWrite: false }
    if (guid === ENCRYPT_ON_WRITE_GUID) return { at, encryptOnWrite: true }
  }
  return undefined
}

function isVista(sector: Uint8Array): boolean {
  const signature = String.fromCharCode(...sector.subarray(3, 11))
  return signature === '-FVE-FS-' && sector[0] === 0xeb && sector[1] === 0x52
}
