import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDeps, type TestDeps } from '../../../../test/support/test-deps.ts'
import { buildApp } from '../app.ts'
import type { App } from '../http/app-type.ts'

let deps: TestDeps
let app: App

beforeAll(async () => {
  deps = await createTestDeps()
  app = await buildApp(deps)
})

afterAll(async () => {
  await app.close()
  await deps[Symbol.asyncDispose]()
})

describe('/healthz', () => {
  test('says that the process is alive', async () => {
    const answer = await app.inject('/healthz')
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({ status: 'alive' })
  })
})

describe('/readyz', () => {
  test('lists every part, and is 503 when one of them fails', async () => {
    let works = true
    deps.readiness.register('part', () => works)
    expect((await app.inject('/readyz')).statusCode).toBe(200)
    works = false
    const answer = await app.inject('/readyz')
    expect(answer.statusCode).toBe(503)
    expect(answer.json()).toMatchObject({ ready: false, checks: { part: false } })
    works = true
  })
})

describe('/metrics', () => {
  test('measures requests by route pattern, not by URL', async () => {
    await app.inject('/healthz')
    await app.inject('/no/such/page')
    const text = (await app.inject('/metrics')).payload
    expect(text).toContain(
      'keydesk_http_request_duration_seconds_count{method="GET",route="/healthz",status="200"}',
    )
    expect(text).toContain('route="none",status="404"')
    expect(text).not.toContain('/no/such/page')
  })
})
