import { beforeEach, describe, expect, test } from 'vitest'
import { deviceKeyPair, generateDeviceKey } from './device-key.ts'
import { AGENT_LIMITS } from './limits.ts'
import { ANSWERS } from './read-answer.ts'
import { ServiceClient } from './service-client.ts'
import { TestClock } from './testing/test-agent.ts'
import { ContractService } from './testing/contract-service.ts'

const KEY = deviceKeyPair(generateDeviceKey())
const ENROL = { enrollmentToken: 'keydesk_enroll_x', device: { name: 'PC' } }

let service: ContractService
let clock: TestClock
let tokens: string[]
beforeEach(() => {
  service = new ContractService()
  clock = new TestClock(service.now)
  tokens = []
})

/** `answers` replace the service's for the first requests. */
function client(
  answers: (() => Response | Promise<Response>)[] = [],
  options: { signal?: AbortSignal; random?: number } = {},
): ServiceClient {
  const fetch = async (url: string, init: RequestInit) => {
    tokens.push((init.headers as Record<string, string>)['authorization'] ?? '')
    return (await answers.shift()?.()) ?? (await service.fetch(url, init))
  }
  const deps = { fetch, clock, random: () => options.random ?? 0.5 }
  const { origin } = service
  const identity = { server: origin, origin, key: KEY, clockOffsetMs: 0 }
  return new ServiceClient(deps, identity, options.signal)
}

const enrol = (it: ServiceClient) => it.post('/device/v1/enroll', ENROL, ANSWERS.enroll)
const failing = () => Promise.reject(new TypeError('fetch failed', { cause: new Error('refused') }))
const busy = (headers: Record<string, string> = {}) => service.refusal('TOO_MANY_REQUESTS', headers)

describe('a failure that may pass', () => {
  test('is tried again with growing pauses, each time with a token of its own', async () => {
    await enrol(client([failing, failing, () => service.refusal('DATABASE_UNAVAILABLE')]))
    expect(clock.sleeps).toEqual([500, 1000, 2000])
    expect(new Set(tokens).size).toBe(4)
  })

  test('ends after the last try, with the reason', async () => {
    const error = enrol(client(Array.from({ length: 9 }, () => failing)))
    await expect(error).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE', exitCode: 3 })
    await expect(error).rejects.toThrow('cannot be reached (refused)')
    expect(tokens).toHaveLength(AGENT_LIMITS.requestAttempts)
  })

  test('waits at least as long as the service asks, plus jitter', async () => {
    await enrol(client([() => busy({ 'retry-after': '7' })]))
    expect(clock.sleeps).toEqual([7500])
  })

  test('is left to the next round when the service asks for a long pause', async () => {
    const error = enrol(client([() => busy({ 'retry-after': '600' })]))
    await expect(error).rejects.toMatchObject({ code: 'SERVER_BUSY', retryAfterMs: 600_000 })
    expect(clock.sleeps).toEqual([])
  })

  test('a replayed token is one: the next try carries a new one', async () => {
    await enrol(client([() => service.refusal('REQUEST_REPLAYED')]))
    expect(tokens).toHaveLength(2)
  })

  test('is not waited for when the agent is told to stop', async () => {
    const stop = new AbortController()
    const abort = () => {
      stop.abort(new Error('SIGTERM'))
      return failing()
    }
    await expect(enrol(client([abort], { signal: stop.signal }))).rejects.toThrow('SIGTERM')
  })
})

describe('a refusal that time does not cure', () => {
  test('is not repeated', async () => {
    const error = enrol(client([() => service.refusal('ENROLLMENT_TOKEN_INVALID')]))
    await expect(error).rejects.toMatchObject({
      code: 'SERVER_REFUSED',
      serverCode: 'ENROLLMENT_TOKEN_INVALID',
      exitCode: 4,
    })
    await expect(error).rejects.toThrow('The enrolment token is not valid')
    await expect(error).rejects.not.toThrow('keydesk_enroll_x')
    expect(tokens).toHaveLength(1)
  })

  test('of a PC that the service does not know says how to come back', async () => {
    const deps = { fetch: service.fetch, clock, random: () => 0 }
    const { origin } = service
    const deviceId = '00000000-0000-4000-8000-000000000000'
    const identity = { server: origin, origin, key: KEY, deviceId, clockOffsetMs: 0 }
    const error = enrol(new ServiceClient(deps, identity))
    await expect(error).rejects.toMatchObject({ serverCode: 'DEVICE_UNAUTHORIZED', exitCode: 4 })
    await expect(error).rejects.toThrow('move its state file away and enrol it again')
  })

  test('an answer that is none of a Keydesk service is said to be so', async () => {
    const error = enrol(client([() => new Response('<html>', { status: 200 })]))
    await expect(error).rejects.toMatchObject({ code: 'SERVER_ANSWER' })
  })
})

describe('a wrong clock', () => {
  test('is corrected from the Date header, and the request tried once more', async () => {
    clock.time -= 3 * 365 * 24 * 3600 * 1000
    const it = client()
    await enrol(it)
    expect(it.clockOffsetMs).toBe(3 * 365 * 24 * 3600 * 1000)
    expect(tokens).toHaveLength(2)
    expect(clock.sleeps).toEqual([])
  })

  test('is not corrected twice: then something else is wrong', async () => {
    const skew = () => service.refusal('CLOCK_SKEW')
    const error = enrol(client([skew, skew]))
    await expect(error).rejects.toMatchObject({ serverCode: 'CLOCK_SKEW' })
    expect(tokens).toHaveLength(2)
  })

  test.each([
    ['no time', ''],
    ['nonsense', 'yesterday'],
    ['a time of another century', 'Sat, 22 Nov 2126 12:00:00 GMT'],
  ])('is left alone when the service says %s', async (_what, date) => {
    const it = client([() => service.refusal('CLOCK_SKEW', { date })])
    await expect(enrol(it)).rejects.toMatchObject({ serverCode: 'CLOCK_SKEW' })
    expect(it.clockOffsetMs).toBe(0)
  })
})
