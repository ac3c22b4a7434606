/**
 * A disk image of a PC that was taken apart: a master boot record and, behind it, partitions made
 * of volume images. Source: the classic MBR layout, four entries of 16 bytes at 446.
 */
import { open, stat } from 'node:fs/promises'

const SECTOR = 512
const ALIGNMENT = 1_048_576
const PARTITION_TABLE_AT = 446
const TYPE_NTFS = 0x07

/** Writes the disk; the partitions are in the order of the images, one MiB aligned. */
export async function writeMbrDisk(path: string, images: readonly string[]): Promise<void> {
  await using disk = await open(path, 'w')
  const record = Buffer.alloc(SECTOR)
  record.writeUInt16LE(0xaa55, 510)
  let at = ALIGNMENT
  for (const [index, image] of images.entries()) {
    const { size } = await stat(image)
    const entry = PARTITION_TABLE_AT + 16 * index
    record.writeUInt8(TYPE_NTFS, entry + 4)
    record.writeUInt32LE(at / SECTOR, entry + 8)
    record.writeUInt32LE(size / SECTOR, entry + 12)
    await copyInto(disk, at, image, size)
    at += ALIGNMENT * Math.ceil(size / ALIGNMENT)
  }
  await disk.write(record, 0, SECTOR, 0)
  await disk.truncate(at)
}

async function copyInto(
  disk: Awaited<ReturnType<typeof open>>,
  at: number,
  image: string,
  size: number,
): Promise<void> {
  await using source = await open(image, 'r')
  const { bytesRead, buffer } = await source.read(Buffer.alloc(size), 0, size, 0)
  await disk.write(buffer, 0, bytesRead, at)
}
