import { describe, expect, test } from 'vitest'

import { formatStartupKey, parseStartupKey } from './startup-key.ts'
import {
  haveWindowsVolumes,
  loadStartupKeyFile,
  WINDOWS_VOLUMES,
} from './testing/windows-volumes.ts'

const KEY = {
  protectorId: '4381f759-c4f8-4de0-bb61-fc33a831bda5',
  createdAt: new Date('2026-11-22T10:11:12.345Z'),
  key: Uint8Array.from({ length: 32 }, (_, at) => at),
}

describe('startup key files', () => {
  test('parsing undoes formatting, with and without a volume ID', () => {
    expect(formatStartupKey(KEY)).toHaveLength(156)
    expect(parseStartupKey(formatStartupKey(KEY))).toEqual(KEY)
    const withVolume = { ...KEY, volumeId: '5a95db04-6ebc-4ba9-99a3-15a87a3d07b2' }
    expect(formatStartupKey(withVolume)).toHaveLength(180)
    expect(parseStartupKey(formatStartupKey(withVolume))).toEqual(withVolume)
  })

  test.skipIf(!haveWindowsVolumes)('the bytes are those of Windows but for the times', () => {
    const { startupKeyFile } = WINDOWS_VOLUMES.find((from) => from.startupKeyFile !== undefined)!
    const file = loadStartupKeyFile(startupKeyFile!)
    const again = formatStartupKey(parseStartupKey(file))
    // FILETIMEs at 40 and 72 have ticks below the millisecond.
    const withoutTimes = (bytes: Uint8Array) => bytes.slice().fill(0, 40, 48).fill(0, 72, 80)
    expect(withoutTimes(again)).toEqual(withoutTimes(file))
  })

  test('what is no startup key is refused with a reason, and never with its bytes', () => {
    const file = formatStartupKey(KEY)
    const cut = file.slice(0, 100)
    const noKey = file.slice()
    noKey[file.length - 36] = 0x03
    const cases: [Uint8Array, string][] = [
      [new Uint8Array(), 'it is cut off'],
      [new Uint8Array(4097), 'it is too long'],
      [cut, 'its sizes contradict each other'],
      [noKey, 'it holds no external key'],
    ]
    for (const [bytes, why] of cases) {
      expect(() => parseStartupKey(bytes)).toThrow(
        expect.objectContaining({
          code: 'STARTUP_KEY',
          message: `This is not a startup key file (.BEK): ${why}`,
        }),
      )
    }
  })
})
