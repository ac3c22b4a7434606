/**
 * A small FAT16 file system with a few files in its root directory: what is on the disk of a sample
 * PC before its encryption, so that a person who decrypts it finds something to read.
 * Source of truth: Microsoft's "FAT: General Overview of On-Disk Format", 1.03.
 *
 *   sector 0           boot sector        512-byte sectors, 4 a cluster
 *   1 …                two copies of the FAT
 *   then               root directory, 512 entries of 32 bytes
 *   then               clusters 2, 3, …
 */
const SECTOR = 512
const CLUSTER = 4 * SECTOR
const ROOT_ENTRIES = 512
const FAT_COPIES = 2
const END_OF_CHAIN = 0xffff
const MEDIA_FIXED_DISK = 0xf8
/** With fewer clusters a reader takes it for FAT12, with more for FAT32. */
const CLUSTERS_MIN = 4085
const CLUSTERS_MAX = 65_524

export interface FatFile {
  /** Upper case, `NAME.EXT`, at most 8 + 3 characters. */
  readonly name: string
  readonly content: Uint8Array
}

interface FatLayout {
  readonly sectors: number
  readonly fatSectors: number
  readonly rootOffset: number
  readonly dataOffset: number
  readonly clusters: number
}

/** `sizeBytes` is a multiple of 2048 for which FAT16 is the right type: about 9 MB to 128 MB. */
export function createFatImage(sizeBytes: number, files: readonly FatFile[]): Uint8Array {
  const layout = layOut(sizeBytes)
  const image = new Uint8Array(sizeBytes)
  const view = new DataView(image.buffer)
  writeBootSector(image, view, layout)
  const fat = new Uint16Array(layout.clusters + 2)
  fat.set([0xff00 | MEDIA_FIXED_DISK, END_OF_CHAIN])
  let cluster = 2
  for (const [index, file] of files.entries()) {
    const count = Math.ceil(file.content.length / CLUSTER)
    if (index >= ROOT_ENTRIES || cluster + count > layout.clusters + 2) {
      throw new RangeError('the files do not fit into the image')
    }
    writeEntry(image, layout.rootOffset + index * 32, file, count === 0 ? 0 : cluster)
    image.set(file.content, layout.dataOffset + (cluster - 2) * CLUSTER)
    for (let i = 0; i < count; i++) {
      fat[cluster + i] = i === count - 1 ? END_OF_CHAIN : cluster + i + 1
    }
    cluster += count
  }
  for (let copy = 0; copy < FAT_COPIES; copy++) {
    const offset = (1 + copy * layout.fatSectors) * SECTOR
    for (const [index, value] of fat.entries()) view.setUint16(offset + index * 2, value, true)
  }
  return image
}

function layOut(sizeBytes: number): FatLayout {
  const sectors = sizeBytes / SECTOR
  const fatSectors = Math.ceil((sizeBytes / CLUSTER + 2) / (SECTOR / 2))
  const rootOffset = (1 + FAT_COPIES * fatSectors) * SECTOR
  const dataOffset = rootOffset + ROOT_ENTRIES * 32
  const clusters = Math.floor((sizeBytes - dataOffset) / CLUSTER)
  if (sizeBytes % CLUSTER !== 0 || clusters < CLUSTERS_MIN || clusters > CLUSTERS_MAX) {
    throw new RangeError(`${sizeBytes} bytes do not make a FAT16 file system`)
  }
  return { sectors, fatSectors, rootOffset, dataOffset, clusters }
}

function writeBootSector(image: Uint8Array, view: DataView, layout: FatLayout): void {
  image.set([0xeb, 0x3c, 0x90])
  image.set(ascii('KEYDESK '), 3)
  view.setUint16(11, SECTOR, true)
  image[13] = CLUSTER / SECTOR
  view.setUint16(14, 1, true)
  image[16] = FAT_COPIES
  view.setUint16(17, ROOT_ENTRIES, true)
  view.setUint16(19, layout.sectors < 0x10000 ? layout.sectors : 0, true)
  image[21] = MEDIA_FIXED_DISK
  view.setUint16(22, layout.fatSectors, true)
  view.setUint16(24, 63, true)
  view.setUint16(26, 255, true)
  view.setUint32(32, layout.sectors < 0x10000 ? 0 : layout.sectors, true)
  image[36] = 0x80
  image[38] = 0x29
  view.setUint32(39, 0x4b45_5944, true)
  image.set(ascii('NO NAME    FAT16   '), 43)
  // hlt; jmp to it: nothing boots from a sample disk.
  image.set([0xf4, 0xeb, 0xfd], 62)
  image.set([0x55, 0xaa], 510)
}

function writeEntry(image: Uint8Array, offset: number, file: FatFile, cluster: number): void {
  const [stem = '', extension = ''] = file.name.split('.')
  const view = new DataView(image.buffer, offset, 32)
  image.set(ascii(stem.padEnd(8).slice(0, 8) + extension.padEnd(3).slice(0, 3)), offset)
  image[offset + 11] = 0x20
  // 2026-01-01, the day that the sample PCs were "set up".
  const date = ((2026 - 1980) << 9) | (1 << 5) | 1
  for (const at of [16, 18, 24]) view.setUint16(at, date, true)
  view.setUint16(26, cluster, true)
  view.setUint32(28, file.content.length, true)
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
