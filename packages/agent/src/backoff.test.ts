import { describe, expect, test } from 'vitest'
import { backoffMs, retryAfterMs } from './backoff.ts'

const NOW = Date.parse('2026-11-22T12:00:00Z')

describe('backoffMs', () => {
  test('doubles its ceiling with each try and never passes the last one', () => {
    const almost = 1 - Number.EPSILON
    const pauses = [0, 1, 2, 3, 9, 1000].map((attempt) =>
      backoffMs({ attempt, baseMs: 1000, ceilingMs: 20_000, random: almost }),
    )
    expect(pauses).toEqual([999, 1999, 3999, 7999, 19_999, 19_999])
  })

  test('spreads over the whole range, from nothing at all', () => {
    expect(backoffMs({ attempt: 3, baseMs: 1000, ceilingMs: 20_000, random: 0 })).toBe(0)
  })
})

describe('retryAfterMs', () => {
  test.each([
    ['seconds', '120', 120_000],
    ['an HTTP date', 'Sun, 22 Nov 2026 12:00:30 GMT', 30_000],
    ['a date that is over', 'Sun, 22 Nov 2026 11:00:00 GMT', 0],
    ['more than a day', '9999999', 24 * 60 * 60_000],
    ['nonsense', 'soon', undefined],
    ['nothing', null, undefined],
  ])('reads %s', (_what, header, expected) => {
    expect(retryAfterMs(header, NOW)).toBe(expected)
  })
})
