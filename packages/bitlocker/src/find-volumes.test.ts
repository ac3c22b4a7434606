import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { assert, integer, property, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'

import { findVolumes } from './find-volumes.ts'
import { readPartitionTable } from './partition-table.ts'
import { markVolume, writeGpt, writeMbrRecord } from './testing/disk-image.ts'
import { MemoryStorage } from './testing/memory-storage.ts'
import {
  haveWindowsVolumes,
  loadWindowsVolume,
  WINDOWS_VOLUMES,
} from './testing/windows-volumes.ts'
import { VolumeError } from './volume-error.ts'

const DISK = 1_048_576
const SLOW = process.env['SLOW'] === '1'
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`
const havePartx = spawnSync('partx', ['--version'], { env: { PATH } }).error === undefined
if (!havePartx) process.stderr.write('SKIP: partx is not on this machine, so it cannot judge\n')

function volumesOn(disk: Uint8Array) {
  return findVolumes(new MemoryStorage(disk))
}

/** Two partitions, of which the second is a BitLocker volume. */
function gptDisk(sectorSize = 512): Uint8Array {
  const disk = new Uint8Array(DISK)
  const unit = sectorSize / 512
  const partitions = [
    { first: 128 / unit, count: 64 / unit, name: 'EFI system partition' },
    { first: 512 / unit, count: 1024 / unit, name: 'Basic data partition' },
  ]
  writeGpt(disk, partitions, sectorSize)
  markVolume(disk, 512 * 512)
  return disk
}

const IN_GPT = {
  offset: 262_144,
  size: 524_288,
  scheme: 'gpt',
  partition: 2,
  name: 'Basic data partition',
}

describe('findVolumes', () => {
  it('finds the volume itself', async () => {
    const disk = new Uint8Array(DISK)
    markVolume(disk, 0)
    expect(await volumesOn(disk)).toEqual([{ offset: 0, size: DISK, scheme: 'none' }])
  })

  it.each([512, 4096])(
    'finds the BitLocker partition of a GPT with %i-byte sectors',
    async (size) => {
      expect(await volumesOn(gptDisk(size))).toEqual([IN_GPT])
    },
  )

  it.each([
    ['header', 512 + 40],
    ['entries', 1024 + 32],
    ['protective MBR', 510],
  ])('still finds it when the %s at the start is damaged', async (_what, at) => {
    const disk = gptDisk()
    disk[at]! ^= 0xff
    expect(await volumesOn(disk)).toEqual([IN_GPT])
    const table = await readPartitionTable(new MemoryStorage(disk))
    expect(table?.usedBackup).toBe(at !== 510)
  })

  it('says so when both copies of the GPT are damaged', async () => {
    const disk = gptDisk()
    disk[512 + 40]! ^= 1
    disk[DISK - 512 + 40]! ^= 1
    await expect(volumesOn(disk)).rejects.toMatchObject({
      code: 'VOLUME_DAMAGED',
      message: 'The disk has a GPT partition table, but both of its copies are damaged',
    })
  })

  it('leaves out partitions that do not lie inside the disk', async () => {
    const disk = new Uint8Array(DISK)
    writeGpt(disk, [
      { first: 100, count: 1_000_000 },
      { first: 2 ** 50, count: 8 },
      { first: 256, count: 8 },
    ])
    markVolume(disk, 100 * 512)
    markVolume(disk, 256 * 512)
    const found = await volumesOn(disk)
    expect(found.map(({ partition }) => partition)).toEqual([3])
  })

  it('finds primary and logical partitions of an MBR', async () => {
    const disk = mbrDisk()
    expect(await volumesOn(disk)).toEqual([
      { offset: 64 * 512, size: 64 * 512, scheme: 'mbr', partition: 1, name: '' },
      { offset: 264 * 512, size: 64 * 512, scheme: 'mbr', partition: 5, name: '' },
      { offset: 400 * 512, size: 64 * 512, scheme: 'mbr', partition: 6, name: '' },
    ])
  })

  it('ends at a chain of logical partitions that comes back', async () => {
    const disk = new Uint8Array(DISK)
    writeMbrRecord(disk, 0, [{ type: 0x0f, first: 256, count: 1024 }])
    writeMbrRecord(disk, 256, [
      { type: 0x07, first: 8, count: 8 },
      { type: 0x05, first: 64, count: 64 },
    ])
    writeMbrRecord(disk, 320, [
      { type: 0x07, first: 8, count: 8 },
      { type: 0x05, first: 0, count: 64 },
    ])
    const storage = new MemoryStorage(disk)
    const table = await readPartitionTable(storage)
    expect(table?.partitions.map(({ number }) => number)).toEqual([5, 6])
    expect(storage.reads).toBeLessThan(10)
  })

  it('bounds a chain that is too long', async () => {
    const disk = new Uint8Array(DISK)
    writeMbrRecord(disk, 0, [{ type: 0x05, first: 2, count: 2000 }])
    for (let sector = 0; sector < 1000; sector++) {
      writeMbrRecord(disk, 2 + sector, [
        { type: 0x07, first: 1, count: 1 },
        { type: 0x05, first: sector + 1, count: 1 },
      ])
    }
    const table = await readPartitionTable(new MemoryStorage(disk))
    expect(table?.partitions.length).toBe(128)
  })

  it.each([
    ['nothing', () => new Uint8Array(DISK)],
    ['a tiny file', () => new Uint8Array(100)],
    ['text', () => new TextEncoder().encode('text '.repeat(1000))],
    ['an empty MBR', () => withMbr([])],
    ['a boot sector', () => withMbr([{ type: 0x07, first: 64, count: 64 }], 0x33)],
    ['a GPT without BitLocker', () => withoutVolume()],
  ])('finds nothing on %s', async (_what, disk) => {
    expect(await volumesOn(disk())).toEqual([])
  })

  it('ends in milliseconds with a coded error or a list, whatever is changed', async () => {
    const disks = [gptDisk(), gptDisk(4096)]
    const changes = uint8Array({ minLength: 1, maxLength: 64 })
    const pending: Promise<unknown>[] = []
    assert(
      property(
        integer({ min: 0, max: 1 }),
        integer({ min: 440, max: 6000 }),
        changes,
        (which, at, bytes) => {
          const disk = disks[which]!.slice()
          disk.set(bytes, at)
          const storage = new MemoryStorage(disk)
          pending.push(
            findVolumes(storage).then(
              () => expect(storage.reads).toBeLessThan(200),
              (error: unknown) => expect(error).toBeInstanceOf(VolumeError),
            ),
          )
        },
      ),
      { numRuns: SLOW ? 5000 : 300 },
    )
    await Promise.all(pending)
  })

  it.skipIf(!haveWindowsVolumes)('finds volumes that Windows made, To Go too', async () => {
    for (const { name, size } of WINDOWS_VOLUMES.filter((volume) => volume.name.includes('togo'))) {
      const disk = loadWindowsVolume(name)
      expect(await volumesOn(disk)).toEqual([{ offset: 0, size, scheme: 'none' }])
    }
  })
})

describe.skipIf(!havePartx)('partx (util-linux)', () => {
  it.each([
    ['a GPT', gptDisk()],
    ['an MBR with logical partitions', mbrDisk()],
  ])('reads %s as readPartitionTable does', async (_what, disk) => {
    const folder = mkdtempSync(join(tmpdir(), 'keydesk-disk-'))
    const path = join(folder, 'disk.img')
    writeFileSync(path, disk)
    const args = ['--noheadings', '--raw', '--output', 'NR,START,SECTORS', path]
    const { stdout } = spawnSync('partx', args, { env: { PATH }, encoding: 'utf8' })
    rmSync(folder, { recursive: true })
    const table = await readPartitionTable(new MemoryStorage(disk))
    const ours = table?.partitions.map(({ number, offset, size }) =>
      [number, offset / 512, size / 512].join(' '),
    )
    // The extended partition itself is none of ours: nothing can lie in it but the logical ones.
    const theirs = stdout.trim().split('\n')
    expect(theirs.filter((line) => !line.startsWith('2 256 '))).toEqual(ours)
  })
})

/** One primary and two logical partitions, all BitLocker volumes. */
function mbrDisk(): Uint8Array {
  const disk = new Uint8Array(DISK)
  writeMbrRecord(disk, 0, [
    { type: 0x07, first: 64, count: 64 },
    { type: 0x05, first: 256, count: 768 },
  ])
  writeMbrRecord(disk, 256, [
    { type: 0x07, first: 8, count: 64 },
    { type: 0x05, first: 128, count: 256 },
  ])
  writeMbrRecord(disk, 384, [{ type: 0x07, first: 16, count: 64 }])
  for (const sector of [64, 264, 400]) markVolume(disk, sector * 512)
  return disk
}

function withMbr(entries: Parameters<typeof writeMbrRecord>[2], status = 0): Uint8Array {
  const disk = new Uint8Array(DISK)
  writeMbrRecord(disk, 0, entries)
  disk[446] = status
  return disk
}

function withoutVolume(): Uint8Array {
  const disk = new Uint8Array(DISK)
  writeGpt(disk, [{ first: 128, count: 64 }])
  return disk
}
