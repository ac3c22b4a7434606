import { describe, expect, test } from 'vitest'
import { AgentError } from './errors.ts'
import { pauseMs, runLoop } from './run-loop.ts'
import type { RoundReport } from './run-round.ts'
import { MemoryPc, MemoryVolume } from './testing/memory-pc.ts'
import { TestBench } from './testing/test-agent.ts'

const HOUR_MS = 3_600_000
const GOOD: RoundReport = { checkedIn: true, problems: [] }
const failed = (error: AgentError): RoundReport => ({ checkedIn: false, problems: [], error })
const unreachable = failed(new AgentError('SERVER_UNREACHABLE', 'x'))

const pause = (report: RoundReport, failures: number, random: number) =>
  pauseMs({ report, failures, checkInIntervalSeconds: 3600, random })

describe('the pause between two rounds', () => {
  test('is the interval, ten percent more or less', () => {
    expect(pause(GOOD, 0, 0)).toBe(0.9 * HOUR_MS)
    expect(pause(GOOD, 0, 0.5)).toBe(HOUR_MS)
    expect(pause(GOOD, 0, 1)).toBe(Math.round(1.1 * HOUR_MS))
  })

  test('grows with every failure, up to the interval', () => {
    const pauses = [1, 2, 3, 20].map((failures) => pause(unreachable, failures, 0.999_999))
    expect(pauses).toEqual([9999, 19_999, 39_999, 3_599_996])
  })

  test('is at least what the service asks for', () => {
    const busy = failed(new AgentError('SERVER_BUSY', 'x', { retryAfterMs: 2 * HOUR_MS }))
    expect(pause(busy, 1, 0)).toBe(2 * HOUR_MS)
  })

  test('after a refusal is the interval: it will not change in a minute', () => {
    expect(pause(failed(new AgentError('SERVER_REFUSED', 'x')), 9, 0.5)).toBe(HOUR_MS)
  })
})

async function loopOf(bench: TestBench, rounds: number): Promise<void> {
  const stop = new AbortController()
  const { clock } = bench
  const sleep = clock.sleep.bind(clock)
  let pauses = 0
  clock.sleep = (ms, signal) => {
    if (++pauses === rounds) stop.abort(new Error('SIGTERM'))
    return sleep(ms, signal)
  }
  await runLoop({ agent: await bench.open(), random: () => 0.5, signal: stop.signal })
}

describe('the loop', () => {
  test('checks in, waits, checks in again, and stops when it is told to', async () => {
    const bench = await TestBench.enrolled(new MemoryPc(new MemoryVolume().encrypted()))
    await loopOf(bench, 3)
    expect(bench.service.reports).toHaveLength(3)
    expect(bench.lines.at(-1)).toBe('Next check-in in 60 min')
  })

  test('survives a state file that cannot be written for a while', async () => {
    const bench = await TestBench.enrolled(new MemoryPc(new MemoryVolume().encrypted()))
    const { storage } = bench
    const write = storage.write.bind(storage)
    let failures = 2
    storage.write = (bytes) =>
      failures-- > 0 ? Promise.reject(new Error('no space left on device')) : write(bytes)
    await loopOf(bench, 3)
    expect((await bench.state()).receipts).toHaveLength(1)
  })

  test('ends with an error when the state file is gone or damaged', async () => {
    const bench = await TestBench.enrolled(new MemoryPc(new MemoryVolume().encrypted()))
    const { storage } = bench
    storage.write = () => {
      storage.bytes = new TextEncoder().encode('half a file')
      return Promise.reject(new Error('input/output error'))
    }
    await expect(loopOf(bench, 9)).rejects.toMatchObject({ code: 'STATE_CORRUPT' })
  })
})
