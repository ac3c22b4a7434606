/**
 * P8: strangers and devices get through only where the committed table says so. Who else does is
 * tested route by route and role by role beside it.
 */

import { randomUUID } from 'node:crypto'
import { PERMISSIONS, type RoutePermission } from '@keydesk/contract'
import { signDeviceRequest } from '@keydesk/contract/device-request'
import type { LightMyRequestResponse } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestDevice } from '../testing/test-device.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
let device: TestDevice
beforeAll(async () => {
  service = await TestService.start()
  device = await service.device()
})
afterAll(async () => service[Symbol.asyncDispose]())

const routes = Object.entries(PERMISSIONS) as [string, RoutePermission][]

type Caller = 'stranger' | 'device'

async function call(caller: Caller, route: string): Promise<LightMyRequestResponse> {
  const [method, pattern] = route.split(' ') as ['GET' | 'POST' | 'DELETE', string]
  const url = pattern.replace(/:\w+/g, () => randomUUID()).replace('*', 'nowhere')
  const body = method === 'GET' || method === 'DELETE' ? '' : '{}'
  return await service.app.inject({
    method,
    url,
    headers: {
      ...(body === '' ? {} : { 'content-type': 'application/json' }),
      ...(caller === 'stranger' ? {} : { authorization: await deviceToken(method, url, body) }),
    },
    ...(body === '' ? {} : { payload: body }),
  })
}

async function deviceToken(method: string, url: string, body: string): Promise<string> {
  const token = await signDeviceRequest({
    ...device.key,
    deviceId: device.deviceId,
    target: {
      origin: service.deps.config.origin,
      method,
      url,
      body: new TextEncoder().encode(body),
    },
    issuedAt: service.deps.clock.now(),
  })
  return `Bearer ${token}`
}

describe('P8 Deny by default', () => {
  const closed = routes.filter(([, { audience }]) => audience !== 'everyone')

  test.each(closed)('%s is closed to strangers', async (route) => {
    expect((await call('stranger', route)).statusCode).toBe(401)
  })

  test.each(closed)('%s is open to a device only if it is for devices', async (route, row) => {
    const { statusCode } = await call('device', route)
    const isRefused = statusCode === 401 || statusCode === 403
    expect(isRefused).toBe(row.audience !== 'device')
  })

  test('every row of the table is a route that the server has', () => {
    const missing = routes.filter(([route]) => {
      const [method, url] = route.split(' ') as [string, string]
      return !service.app.hasRoute({ method, url })
    })
    expect(missing.map(([route]) => route)).toEqual([])
  })

  test('a refusal names the permission and says nothing else', async () => {
    const response = await call('device', 'POST /api/v1/disclosures')
    expect(response.json()).toMatchObject({
      code: 'FORBIDDEN',
      detail: 'This needs the permission microsoft.directory/bitlockerKeys/key/read.',
    })
  })

  test('strangers get 401 before their body is looked at', async () => {
    const response = await service.app.inject({
      method: 'POST',
      url: '/api/v1/disclosures',
      headers: { 'content-type': 'application/json' },
      payload: '{"nonsense":true}',
    })
    expect(response.json()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
  })

  test.each([
    ['an enrolment token', `keydesk_enroll_${'A'.repeat(43)}`],
    ['a word', 'secret'],
    ['something like a token', 'a.b.c'],
  ])('%s opens nothing', async (_, bearer) => {
    const response = await service.post('/api/v1/disclosures', {}, bearer)
    expect(response.statusCode).toBe(401)
    expect(response.headers['www-authenticate']).toContain('Bearer')
  })

  test('refused requests are audited, with who and what', async () => {
    // A minute later: what this device was refused above has used up its entries.
    service.deps.clock.advance(61)
    await call('device', 'GET /api/v1/devices')
    const entries = await service.auditEntries()
    const denial = entries.findLast(({ action }) => action === 'request.deny')
    expect(denial).toMatchObject({
      outcome: 'denied',
      actor: { type: 'device', id: device.deviceId },
      detail: { code: 'FORBIDDEN', route: 'GET /api/v1/devices' },
    })
  })

  test('whoever is refused without end does not fill the log', async () => {
    await using own = await TestService.start()
    const attempts = Array.from({ length: 150 }, () => own.post('/api/v1/disclosures', {}, 'x'))
    await Promise.all(attempts)
    const entries = await own.auditEntries()
    expect(entries.filter(({ action }) => action === 'request.deny')).toHaveLength(60)
    own.deps.clock.advance(61)
    await own.post('/api/v1/disclosures', {}, 'x')
    const later = await own.auditEntries()
    // One of them says how many more there were.
    expect(later.filter(({ action }) => action === 'request.deny')).toHaveLength(62)
  })
})
