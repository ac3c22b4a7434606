import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDeps, type TestDeps } from '../../../../test/support/test-deps.ts'
import { buildApp } from '../app.ts'
import { createLog } from '../ops/log.ts'

let deps: TestDeps

beforeAll(async () => {
  deps = await createTestDeps()
})

afterAll(() => deps[Symbol.asyncDispose]())

interface Line {
  readonly msg: string
  readonly requestId?: string
  readonly route?: string
  readonly status?: number
  readonly client?: string
}

/** Log lines of one request that comes from a proxy at 10.0.0.5. */
async function linesOf(
  trustedProxies: readonly string[],
  headers: Readonly<Record<string, string>>,
): Promise<readonly Line[]> {
  let text = ''
  const destination = new Writable({
    write(chunk: Buffer, _, done) {
      text += chunk.toString()
      done()
    },
  })
  const app = await buildApp({
    ...deps,
    config: { ...deps.config, trustedProxies },
    log: createLog({ level: 'debug', format: 'json', destination }),
  })
  await app.inject({ url: '/healthz?token=x', remoteAddress: '10.0.0.5', headers })
  await app.close()
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

describe('the log line of a request', () => {
  test('has its ID, route pattern and status, and not its address', async () => {
    const lines = await linesOf([], { 'x-request-id': 'from-the-proxy-1' })
    const line = lines.find(({ msg }) => msg === 'request completed')
    expect(line).toMatchObject({ requestId: 'from-the-proxy-1', route: '/healthz', status: 200 })
    expect(JSON.stringify(lines)).not.toContain('token=x')
  })

  test('names the client that a trusted proxy names', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.7' }
    expect(await linesOf(['10.0.0.0/24'], headers)).toContainEqual(
      expect.objectContaining({ client: '198.51.100.7' }),
    )
  })

  test('believes no client and no other proxy about its address', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.7' }
    for (const trusted of [[], ['10.9.9.9']]) {
      expect(await linesOf(trusted, headers)).toContainEqual(
        expect.objectContaining({ client: '10.0.0.5' }),
      )
    }
  })

  test('takes the last untrusted address of a chain, which the client cannot choose', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.66, 198.51.100.7' }
    expect(await linesOf(['10.0.0.5'], headers)).toContainEqual(
      expect.objectContaining({ client: '198.51.100.7' }),
    )
  })
})
