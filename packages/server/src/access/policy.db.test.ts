/**
 * P8: who gets through is what the committed table says. Every route that the server has is called
 * in every role, and the answers are compared with the table.
 */

import { randomUUID } from 'node:crypto'
import { PERMISSIONS, ROLES, isAllowed, type Role } from '@keydesk/contract'
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

const routes = Object.keys(PERMISSIONS)

async function call(role: Role, route: string): Promise<LightMyRequestResponse> {
  const [method, pattern] = route.split(' ') as ['GET' | 'POST' | 'DELETE', string]
  const url = pattern
    .replace(/:\w+/g, () => randomUUID())
    .replace('*', 'nowhere')
    .replace('/recovery-keys', `/recovery-keys?deviceId=${randomUUID()}`)
  const body = method === 'POST' ? JSON.stringify(BODIES[route] ?? {}) : ''
  return await service.app.inject({
    method,
    url,
    headers: {
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
      ...(await authorization(role, method, url, body)),
    },
    ...(method === 'POST' ? { payload: body } : {}),
  })
}

/** Where the form is judged before the rule, a body that passes it. */
const BODIES: Readonly<Record<string, object>> = {
  'POST /device/v1/enroll': { enrollmentToken: 'x', device: { name: 'PC' } },
}

async function authorization(role: Role, method: string, url: string, body: string) {
  if (role === 'public') return {}
  if (role === 'bootstrapAdministrator') {
    return { authorization: `Bearer ${service.administratorSecret}` }
  }
  const { signDeviceRequest } = await import('@keydesk/contract/device-request')
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
  return { authorization: `Bearer ${token}` }
}

describe('P8 Deny by default', () => {
  const cases = routes.flatMap((route) => ROLES.map((role) => ({ route, role })))
  // Enrolment proves itself by the key in its own token; its own tests are beside it.
  const judged = cases.filter(({ route }) => route !== 'POST /device/v1/enroll')

  test.each(judged)('$route as $role', async ({ route, role }) => {
    const response = await call(role, route)
    const expected = isAllowed(role, route) ? 'allowed' : role === 'public' ? 401 : 403
    const isRefused = response.statusCode === 401 || response.statusCode === 403
    expect(isRefused ? response.statusCode : 'allowed').toBe(expected)
  })

  test('every row of the table is a route that the server has', async () => {
    const tree = service.app.printRoutes({ commonPrefix: false, includeHooks: false })
    expect(tree).toContain('disclosures (POST)')
    const missing = routes.filter((route) => {
      const [method, url] = route.split(' ') as [string, string]
      return !service.app.hasRoute({ method, url })
    })
    expect(missing).toEqual([])
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
    ['another secret', `keydesk_admin_${'A'.repeat(43)}`],
    ['an enrolment token', `keydesk_enroll_${'A'.repeat(43)}`],
    ['a word', 'secret'],
    ['something like a token', 'a.b.c'],
  ])('%s opens nothing', async (_, bearer) => {
    const response = await service.post('/api/v1/disclosures', {}, bearer)
    expect(response.statusCode).toBe(401)
    expect(response.headers['www-authenticate']).toBe('Bearer')
  })

  test('refused requests are audited, with who and what', async () => {
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
