import { expect, test } from 'vitest'

import { parseSize } from './parse-size.ts'

test.each([
  ['64M', 67_108_864],
  ['1G', 1_073_741_824],
  ['1g', 1_073_741_824],
  ['2MiB', 2_097_152],
  ['2048K', 2_097_152],
  ['64T', 2 ** 46],
  ['1048576', 1_048_576],
])('%s is a size', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})

test.each(['', 'M', '1.5G', '-1M', '64X', '64MB', '0x400000', '1e9', '9'.repeat(16), '1 0M'])(
  '"%s" is refused as no size',
  (text) => {
    expect(() => parseSize(text)).toThrow(
      expect.objectContaining({
        code: 'SIZE_INVALID',
        message:
          'A size is a whole number with K, M, G or T behind it, such as 64M, or a number of bytes',
      }),
    )
  },
)

test.each(['0', '1023K', '65T', '999999999999999'])('%s is outside the bounds', (text) => {
  expect(() => parseSize(text)).toThrow(
    expect.objectContaining({
      code: 'SIZE_INVALID',
      message: 'A volume has a size from 1M to 64T',
    }),
  )
})
