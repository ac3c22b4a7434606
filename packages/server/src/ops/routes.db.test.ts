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
  test('is 200 while the database, the migrations and the vault key are in order', async () => {
    const answer = await app.inject('/readyz')
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toMatchObject({
      ready: true,
      checks: { database: true, migrations: true, vaultKey: true },
    })
  })

  test('is 503 when a part fails, throws or hangs, and says which', async () => {
    let works: () => boolean | Promise<boolean> = () => false
    deps.readiness.register('part', () => works())
    for (const failure of [
      works,
      () => Promise.reject(new Error('broken')),
      () => new Promise<boolean>(() => undefined),
    ]) {
      works = failure
      const answer = await app.inject('/readyz')
      expect(answer.statusCode).toBe(503)
      expect(answer.json()).toMatchObject({ ready: false, checks: { database: true, part: false } })
    }
    works = () => true
    expect((await app.inject('/readyz')).statusCode).toBe(200)
  })

  test('is 503 on a server that is older than its database', async () => {
    const newer = { version: 9999, file: '9999_newer.sql', checksum: '' }
    await deps.db.insertInto('schema_migration').values(newer).execute()
    const answer = await app.inject('/readyz')
    expect(answer.json()).toMatchObject({ ready: false, checks: { migrations: false } })
    await deps.db.deleteFrom('schema_migration').where('version', '=', 9999).execute()
  })
})

describe('/metrics', () => {
  test('measures requests by route pattern, not by URL', async () => {
    await app.inject('/healthz')
    await app.inject({ method: 'POST', url: '/no/such/page' })
    const text = (await app.inject('/metrics')).payload
    expect(text).toContain(
      'keydesk_http_request_duration_seconds_count{method="GET",route="/healthz",status="200"}',
    )
    expect(text).toContain('method="POST",route="none",status="404"')
    expect(text).not.toContain('/no/such/page')
  })
})
