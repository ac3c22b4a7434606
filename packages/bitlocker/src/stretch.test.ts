import { Buffer } from 'node:buffer'
import { setTimeout as delay } from 'node:timers/promises'

import { describe, expect, it } from 'vitest'

import { prepareStretch, stretch } from './stretch.ts'

const INITIAL = Uint8Array.from(
  Buffer.from('fdd303817e456f7a4b64a7063ae00be752a46841e57da98caf8522f136cb3411', 'hex'),
)
const SALT = Uint8Array.from(Buffer.from('2ba080989af9b50c203aaebd0b40d498', 'hex'))
const STRETCHED = '1a39f926dab83e947fa85125b91e556e9ecc2bc5968924e03de234878d1fd4bd'

describe('stretch', () => {
  it('gives the key of a Windows-made protector and leaves its input alone', async () => {
    const initial = INITIAL.slice()
    expect(hex(await stretch(initial, SALT))).toBe(STRETCHED)
    expect(initial).toEqual(INITIAL)
  })

  it('reports progress, rising to exactly 1', async () => {
    const fractions: number[] = []
    await stretch(INITIAL, SALT, { onProgress: (fraction) => fractions.push(fraction) })
    expect(fractions.length).toBeGreaterThan(16)
    expect(fractions.length).toBeLessThanOrEqual(64)
    expect(fractions.toSorted((a, b) => a - b)).toEqual(fractions)
    expect(fractions.at(-1)).toBe(1)
  })

  it('leaves the event loop free', async () => {
    let longest = 0
    let before = performance.now()
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - before)
      before = performance.now()
    }, 1)
    const started = performance.now()
    await stretch(INITIAL, SALT)
    const took = performance.now() - started
    clearInterval(timer)
    expect(took).toBeGreaterThan(50)
    expect(longest).toBeLessThan(took / 2)
  })

  it('stops at once when cancelled, and the thread with it', async () => {
    const abort = new AbortController()
    let reports = 0
    const running = stretch(INITIAL, SALT, {
      signal: abort.signal,
      onProgress: () => {
        reports += 1
        if (reports === 3) abort.abort(new Error('not any more'))
      },
    })
    await expect(running).rejects.toThrow('not any more')
    expect(reports).toBe(3)
    const used = process.cpuUsage()
    await delay(200)
    const { user, system } = process.cpuUsage(used)
    expect(user + system, 'microseconds of work after the end').toBeLessThan(100_000)
  })

  it('does not start when cancelled before', async () => {
    const signal = AbortSignal.abort(new Error('never'))
    await expect(stretch(INITIAL, SALT, { signal })).rejects.toThrow('never')
  })

  it('runs more jobs than threads, also when waiting ones are cancelled', async () => {
    prepareStretch()
    const abort = new AbortController()
    const jobs = Array.from({ length: 6 }, (_, index) =>
      stretch(INITIAL, SALT, { signal: index % 2 === 1 ? abort.signal : undefined }),
    )
    abort.abort(new Error('half of them'))
    const outcomes = await Promise.allSettled(jobs)
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
    ])
    expect(hex(await stretch(INITIAL, SALT))).toBe(STRETCHED)
  })

  it('refuses input of the wrong size', async () => {
    await expect(stretch(INITIAL.subarray(1), SALT)).rejects.toThrow('initial must be 32 bytes')
    await expect(stretch(INITIAL, SALT.subarray(1))).rejects.toThrow('salt must be 16 bytes')
  })
})

function hex(value: Uint8Array): string {
  return Buffer.from(value).toString('hex')
}
