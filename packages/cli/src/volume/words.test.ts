import { expect, test } from 'vitest'

import { minuteOf, printable, sizeInWords, table } from './words.ts'

test.each([
  [512, '512 bytes'],
  [67_108_864, '64 MiB'],
  [105_906_176, '101 MiB'],
  [500_107_862_016, '465.8 GiB'],
  [2 ** 46, '64 TiB'],
])('%d bytes in words', (bytes, words) => {
  expect(sizeInWords(bytes)).toBe(words)
})

test('a date is in UTC and says so', () => {
  expect(minuteOf(new Date('2026-11-22T09:30:59.999Z'))).toBe('2026-11-22 09:30 UTC')
})

test('a table aligns its values', () => {
  const rows = [
    ['Size', '64 MiB'],
    ['Volume ID', 'X'],
  ] as const
  expect(table(rows, '  ')).toBe('  Size       64 MiB\n  Volume ID  X\n')
})

test('text from a disk cannot give orders to the terminal', () => {
  expect(printable('PC-1 \u001B[2J\u009B2J\u202Eabc\n')).toBe(
    'PC-1 \uFFFD[2J\uFFFD2J\uFFFDabc\uFFFD',
  )
})
