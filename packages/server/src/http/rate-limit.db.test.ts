/** Rates for each address on signing in, tokens and look-ups. */

import { LIMITS } from '@keydesk/contract'
import { expect, test } from 'vitest'
import { TestService } from '../testing/test-service.ts'
import { networkOf } from './rate-limit.ts'

/** The default of KEYDESK_LOOK_UP_RATE. */
const LOOK_UPS = 600

async function call(
  service: TestService,
  method: 'GET' | 'POST',
  url: string,
  ip: string,
  more = {},
) {
  const form = method === 'POST' ? { payload: 'grant_type=client_credentials' } : {}
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  return await service.app.inject({
    method,
    url,
    remoteAddress: ip,
    headers: { ...(method === 'POST' ? type : {}), ...more },
    ...form,
  })
}

test.each([
  ['GET', '/sign-in/callback', LIMITS.signInsPerMinuteMax],
  ['POST', '/oidc/token', 1200],
  ['GET', '/api/v1/recovery-keys', LOOK_UPS],
] as const)('%s %s is refused beyond its rate, for that address only', async (method, url, max) => {
  await using service = await TestService.start()
  for (let count = 0; count < max; count += 1) {
    expect((await call(service, method, url, '198.51.100.7')).statusCode).not.toBe(429)
  }
  const refused = await call(service, method, url, '198.51.100.7', {
    'x-forwarded-for': '203.0.113.5',
  })
  expect(refused.statusCode).toBe(429)
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60)
  expect((await call(service, method, url, '198.51.100.8')).statusCode).not.toBe(429)
})

const OWN_DEVICE = '/api/v1/me/devices/7d1c5bb8-4b0f-4a3e-9f0e-0c1d2e3f4a5b'

test.each([
  [
    'keys',
    LOOK_UPS,
    [
      ['GET', '/api/v1/recovery-keys'],
      ['POST', '/api/v1/disclosures'],
      ['GET', `${OWN_DEVICE}/recovery-keys`],
      ['GET', `${OWN_DEVICE}/recovery-status`],
      ['POST', '/api/v1/me/disclosures'],
    ],
  ],
  [
    'sign-in',
    LIMITS.signInsPerMinuteMax,
    [
      ['GET', '/sign-in/callback'],
      ['GET', '/sign-in/with/unknown'],
      ['GET', '/sign-in/with/unknown/code'],
      ['GET', '/sign-in/with/unknown/set-up'],
      ['POST', '/sign-in/with/unknown/passkey/options'],
      ['POST', '/sign-in/with/unknown/set-up/passkey/options'],
      ['GET', '/welcome/unknown'],
    ],
  ],
] as const)('the routes of %s share one rate', async (_, max, routes) => {
  await using service = await TestService.start()
  for (let count = 0; count < max; count += 1) {
    const [method, url] = routes[count % routes.length] ?? routes[0]
    expect((await call(service, method, url, '198.51.100.7')).statusCode).not.toBe(429)
  }
  for (const [method, url] of routes) {
    const { statusCode } = await call(service, method, url, '198.51.100.7')
    expect([url, statusCode]).toEqual([url, 429])
    const elsewhere = await call(service, method, url, '198.51.100.8')
    expect([url, elsewhere.statusCode]).not.toEqual([url, 429])
  }
})

test('behind a trusted proxy the forwarded address counts', async () => {
  await using service = await TestService.start({ trustedProxies: ['198.51.100.7'] })
  for (let count = 0; count <= LIMITS.signInsPerMinuteMax; count += 1) {
    await call(service, 'GET', '/sign-in/callback', '198.51.100.7', {
      'x-forwarded-for': '192.0.2.1',
    })
  }
  const from = async (forwarded: string) =>
    (
      await call(service, 'GET', '/sign-in/callback', '198.51.100.7', {
        'x-forwarded-for': forwarded,
      })
    ).statusCode
  expect(await from('192.0.2.1')).toBe(429)
  expect(await from('192.0.2.2')).toBe(400)
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('%s counts as %s', (ip, network) => {
  expect(networkOf(ip)).toBe(network)
})
