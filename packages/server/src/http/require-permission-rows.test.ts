/** P8: what nobody thought of does not start. */

import { PERMISSIONS } from '@keydesk/contract'
import { fastify } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { expect, test } from 'vitest'
import type { App } from './app-type.ts'
import { requirePermissionRows } from './require-permission-rows.ts'

function guarded(): App {
  const app = fastify({ exposeHeadRoutes: false }).withTypeProvider<TypeBoxTypeProvider>()
  requirePermissionRows(app)
  return app
}

test.each([
  ['a path that is not in the table', 'GET', '/api/v1/forgotten'],
  ['another method of a path that is', 'DELETE', '/api/v1/devices'],
  ['another name of a parameter', 'GET', '/api/v1/devices/:id'],
] as const)('P8 the server does not start with %s', (_, method, url) => {
  expect(() => guarded().route({ method, url, handler: () => 'open' })).toThrow(
    `The route "${method} ${url}" has no row in packages/contract/src/permissions.ts.`,
  )
})

test('P8 one of several methods without a row is enough', () => {
  const route = { method: ['GET', 'PATCH'], url: '/api/v1/devices', handler: () => 'open' }
  expect(() => guarded().route(route)).toThrow('"PATCH /api/v1/devices" has no row')
})

test.each([
  '/api/v1/devices/:id',
  '/api/v1/devices/:deviceIds',
  '/api/v1/devices/:device/rotations',
])(
  'P8 the server does not start with %s, which names the device so that no scope is judged',
  (url) => {
    const app = fastify({ exposeHeadRoutes: false }).withTypeProvider<TypeBoxTypeProvider>()
    requirePermissionRows(app, () => PERMISSIONS['GET /api/v1/devices/:deviceId'])
    expect(() => app.route({ method: 'GET', url, handler: () => 'open' })).toThrow(
      `The route "GET ${url}" must call its device ":deviceId".`,
    )
    const right = url.replace(/:\w+/, ':deviceId')
    expect(() => app.route({ method: 'GET', url: right, handler: () => 'open' })).not.toThrow()
  },
)

test('a route with a row starts', () => {
  const route = { method: 'GET', url: '/api/v1/devices', handler: () => 'open' } as const
  expect(() => guarded().route(route)).not.toThrow()
})
