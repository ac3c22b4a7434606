import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, test } from 'vitest'

import { sizeOf } from './size-of.ts'
import type { SizedHandle } from './size-of.ts'

const sys = mkdtempSync(join(tmpdir(), 'keydesk-sys-'))
const noSys = join(sys, 'nowhere')
afterAll(() => rmSync(sys, { recursive: true }))

const ioError = (code: string) => Object.assign(new Error(`${code}: i/o error, read`), { code })

/** Device 7:3; `badFrom` to `badTo` cannot be read; behind the end is what this system answers. */
function device(
  size: number,
  { badFrom = 0, badTo = 0, behind }: { badFrom?: number; badTo?: number; behind?: string } = {},
): SizedHandle {
  const stats = { isFile: () => false, isBlockDevice: () => true, rdev: 0x703n }
  return {
    stat: async () => stats as unknown as BigIntStats,
    read: async (_buffer, _offset, _length, position) => {
      if (position >= badFrom && position < badTo) throw ioError('EIO')
      if (position < size) return { bytesRead: 1 }
      if (behind !== undefined) throw ioError(behind)
      return { bytesRead: 0 }
    },
  }
}

describe('the size of a block device', () => {
  test('comes from sysfs, in units of 512 bytes, without any read', async () => {
    mkdirSync(join(sys, 'dev/block/7:3'), { recursive: true })
    writeFileSync(join(sys, 'dev/block/7:3/size'), '4096\n')
    expect(await sizeOf(device(2 ** 40, { badTo: 2 ** 46 }), sys)).toBe(2_097_152)
  })

  test.each([undefined, 'EINVAL', 'ENXIO'])(
    'without sysfs it is searched; %s is the end',
    async (behind) => {
      for (const size of [0, 1, 512, 2_097_152, 500_107_862_016]) {
        expect(await sizeOf(device(size, behind === undefined ? {} : { behind }), noSys)).toBe(size)
      }
    },
  )

  test('a bad sector does not shorten it: the search ends in an error', async () => {
    // The first byte that the search asks for after byte 0 and the halves behind the end.
    const bad = device(2 ** 30, { badFrom: 2 ** 29, badTo: 2 ** 29 + 512 })
    await expect(sizeOf(bad, noSys)).rejects.toMatchObject({
      code: 'VOLUME_IO',
      message: 'The volume cannot be read: EIO: i/o error, read',
    })
  })
})
