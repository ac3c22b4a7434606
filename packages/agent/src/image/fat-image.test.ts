import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createFatImage } from './fat-image.ts'

const FILE = { name: 'README.TXT', content: new TextEncoder().encode('open\r\n'.repeat(1000)) }
const JUDGE = 'fsck.vfat'
const isJudgeThere = spawnSync(JUDGE, ['--help']).error === undefined

test('has a boot sector, a chain of clusters for each file, and its content', () => {
  const image = createFatImage(12 * 1024 * 1024, [FILE])
  const view = new DataView(image.buffer)
  expect(image.length).toBe(12 * 1024 * 1024)
  expect(view.getUint16(510, true)).toBe(0xaa55)
  const [first, second, third] = [2, 3, 4].map((n) => view.getUint16(512 + n * 2, true))
  expect([first, second, third]).toEqual([3, 4, 0xffff])
  expect(new TextDecoder().decode(image)).toContain('README  TXT')
})

test('refuses a size that would be another kind of FAT', () => {
  expect(() => createFatImage(1024 * 1024, [])).toThrow('do not make a FAT16 file system')
  expect(() => createFatImage(256 * 1024 * 1024, [])).toThrow('do not make a FAT16 file system')
})

test.skipIf(!isJudgeThere)(
  'fsck.vfat finds nothing to mend (skipped where it is not installed)',
  () => {
    const directory = mkdtempSync(join(tmpdir(), 'keydesk-fat-'))
    const path = join(directory, 'plain.img')
    for (const megabytes of [9, 12, 64]) {
      writeFileSync(path, createFatImage(megabytes * 1024 * 1024, [FILE]))
      const { status, stdout } = spawnSync(JUDGE, ['-n', path], { encoding: 'utf8' })
      expect({ status, stdout }).toMatchObject({ status: 0 })
    }
    rmSync(directory, { recursive: true })
  },
)
