/**
 * Requests of devices: what an attacker with a token, a key or a network may try, and is refused.
 */

import { createHmac, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deleteExpiredRequests } from './request-queries.ts'
import { TestDevice } from '../testing/test-device.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
let device: TestDevice
beforeAll(async () => {
  service = await TestService.start()
  device = await service.device()
})
afterAll(async () => service[Symbol.asyncDispose]())

const url = '/device/v1/check-in'
const body = { agentVersion: '1', device: { name: 'PC' }, volumes: [], actions: [] }
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('one and the same 401', () => {
  test('for an unknown device, a wrong key, a bad signature, other algorithms and no token', async () => {
    const unknown = new TestDevice(service)
    unknown.deviceId = randomUUID()
    const impostor = new TestDevice(service)
    impostor.deviceId = device.deviceId
    const good = await device.sign({ url, body })
    const [header, payload, signature] = good.split('.') as [string, string, string]
    const hs256 = `${part({ alg: 'HS256', typ: 'keydesk-device+jwt', kid: device.deviceId })}.${payload}`
    const spki = device.key.publicKey.export({ format: 'der', type: 'spki' })
    const tokens = [
      await unknown.sign({ url, body }),
      await impostor.sign({ url, body }),
      `${header}.${payload}.${Buffer.alloc(64).toString('base64url')}`,
      `${part({ alg: 'none', typ: 'keydesk-device+jwt', kid: device.deviceId })}.${payload}.`,
      `${hs256}.${createHmac('sha256', spki).update(hs256).digest('base64url')}`,
      `${header}.${part({ admin: true })}.${signature}`,
      await device.sign({ url, body, lifetimeSeconds: 301 }),
      'a.b.c',
    ]
    const answers = await Promise.all(
      tokens.map(async (token) =>
        (await service.post(url, body, token)).json<{ detail: string }>(),
      ),
    )
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 401, code: 'DEVICE_UNAUTHORIZED' })
    }
    expect(new Set(answers.map(({ detail }) => detail)).size).toBe(1)
  })
})

describe('a token is good for one request', () => {
  test.each([
    ['another server', { origin: 'https://other.keydesk.example' }],
    ['another URL', { url: '/device/v1/escrow' }],
    ['another body', { body: { ...body, agentVersion: '2' } }],
  ])('not one for %s', async (_, signed) => {
    const response = await device.send({ url, body, signed })
    expect(response.json()).toMatchObject({ status: 401, code: 'REQUEST_NOT_BOUND' })
  })

  test('not one for another method', async () => {
    const response = await service.post(url, body, await device.sign({ url, body, method: 'GET' }))
    expect(response.json()).toMatchObject({ status: 401, code: 'REQUEST_NOT_BOUND' })
  })

  test('not a second time, and not twice at once', async () => {
    const token = await device.sign({ url, body })
    expect((await service.post(url, body, token)).statusCode).toBe(200)
    expect((await service.post(url, body, token)).json()).toMatchObject({
      status: 401,
      code: 'REQUEST_REPLAYED',
    })
    const raced = await device.sign({ url, body })
    const responses = await Promise.all(
      Array.from({ length: 6 }, () => service.post(url, body, raced)),
    )
    expect(responses.filter(({ statusCode }) => statusCode === 200)).toHaveLength(1)
  })

  test('not a second time on another server with the same database', async () => {
    const { buildApp } = await import('../app.ts')
    const another = await buildApp(service.deps)
    try {
      const token = await device.sign({ url, body })
      expect((await service.post(url, body, token)).statusCode).toBe(200)
      const replay = await another.inject({
        method: 'POST',
        url,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        payload: JSON.stringify(body),
      })
      expect(replay.json()).toMatchObject({ status: 401, code: 'REQUEST_REPLAYED' })
    } finally {
      await another.close()
    }
  })

  test('a request that is forgotten is one that has expired', async () => {
    const token = await device.sign({ url, body, lifetimeSeconds: 300 })
    expect((await service.post(url, body, token)).statusCode).toBe(200)
    service.deps.clock.advance(360)
    await deleteExpiredRequests(service.deps.db, service.deps.clock.now())
    expect((await service.post(url, body, token)).json()).toMatchObject({ status: 401 })
    service.deps.clock.advance(2)
    await deleteExpiredRequests(service.deps.db, service.deps.clock.now())
    // A server whose clock is behind may still take it.
    expect((await countRequests()).rows).toBeGreaterThan(0)
    service.deps.clock.advance(360)
    await deleteExpiredRequests(service.deps.db, service.deps.clock.now())
    const { rows } = await countRequests()
    expect(rows).toBe(0)
    expect((await service.post(url, body, token)).json()).toMatchObject({ code: 'CLOCK_SKEW' })
  })
})

async function countRequests(): Promise<{ rows: number }> {
  const row = await service.deps.db
    .selectFrom('device_request')
    .select((expression) => expression.fn.countAll<number>().as('rows'))
    .executeTakeFirstOrThrow()
  return row
}

describe('a wrong clock', () => {
  test.each([
    ['a day behind', -86_400],
    ['a day ahead', 86_400],
  ])('%s is told so, with the time', async (_, offset) => {
    const issuedAt = new Date(service.deps.clock.now().getTime() + offset * 1000)
    const response = await device.send({ url, body, issuedAt })
    expect(response.json()).toMatchObject({ status: 401, code: 'CLOCK_SKEW' })
    expect(Date.parse(String(response.headers['date']))).not.toBeNaN()
  })

  test('is told only to whoever signed with the key', async () => {
    const impostor = new TestDevice(service)
    impostor.deviceId = device.deviceId
    const response = await impostor.send({ url, body, issuedAt: new Date(0) })
    expect(response.json()).toMatchObject({ status: 401, code: 'DEVICE_UNAUTHORIZED' })
  })
})

test('a device acts for itself only: another device ID in its escrow opens nothing', async () => {
  const other = await service.device()
  const protector = device.protector()
  // Sealed for `device`, sent by `other`.
  const sealed = device.escrowBody(protector)
  const response = await other.send({ url: '/device/v1/escrow', body: sealed })
  expect(response.json()).toMatchObject({ status: 422, code: 'SEALED_KEY_INVALID' })
})
