import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fastify } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../config.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { registerProblems } from '../http/problem.ts'
import { registerSecurityHeaders } from '../http/security-headers.ts'
import { loadPortalFiles, type PortalFiles } from './load-portal-files.ts'
import { portalRoutes } from './routes.ts'

const NAVIGATION = { accept: 'text/html,application/xhtml+xml', 'sec-fetch-mode': 'navigate' }

let directory = ''
let app: App

function createApp(files: PortalFiles): App {
  const created = fastify() as App
  const { config } = readConfig({ KEYDESK_ORIGIN: 'https://keydesk.example' })
  registerSecurityHeaders(created, { config } as Deps)
  registerProblems(created)
  portalRoutes(created, files)
  return created
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'keydesk-portal-'))
  mkdirSync(join(directory, 'assets'))
  writeFileSync(join(directory, 'index.html'), '<!doctype html><title>Keydesk</title>')
  writeFileSync(join(directory, 'assets', 'index-B1x_y2Z-.js'), 'export {}')
  writeFileSync(join(directory, 'assets', 'index-B1x_y2Z-.js.map'), '{}')
  writeFileSync(join(directory, 'robots.txt'), 'User-agent: *')
  writeFileSync(join(directory, '.env'), 'SECRET=1')
  symlinkSync('/etc/passwd', join(directory, 'passwd.txt'))
  app = createApp(loadPortalFiles(directory))
})

afterAll(async () => {
  await app.close()
  rmSync(directory, { recursive: true })
})

describe('the page', () => {
  test.each(['/', '/devices', '/devices/7b1d6f0e?tab=keys', '/index.html'])(
    'is what a browser gets that opens %s',
    async (url) => {
      const answer = await app.inject({ url, headers: NAVIGATION })
      expect(answer.statusCode).toBe(200)
      expect(answer.payload).toContain('<title>Keydesk</title>')
      expect(answer.headers['content-type']).toBe('text/html; charset=utf-8')
      expect(answer.headers['cache-control']).toBe('no-cache')
    },
  )

  test('has the headers that a browser enforces', async () => {
    const { headers } = await app.inject({ url: '/', headers: NAVIGATION })
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain("object-src 'none'")
    expect(policy).toContain("base-uri 'none'")
    expect(policy).not.toMatch(/unsafe|data:|\*/)
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'strict-transport-security': 'max-age=63072000; includeSubDomains',
    })
  })

  test.each([
    ['a program', { accept: '*/*' }],
    ['a script', { accept: 'text/html', 'sec-fetch-mode': 'cors' }],
    ['a program that says nothing', {}],
  ])('is not what %s gets from an address that does not exist', async (_, headers) => {
    const answer = await app.inject({ url: '/devices', headers })
    expect(answer.statusCode).toBe(404)
    expect(answer.json()).toMatchObject({ code: 'ROUTE_NOT_FOUND' })
  })

  test.each(['/api/v1/nothing', '/device/v1/nothing', '/v1.0/users', '/api'])(
    'does not stand in for %s, not even in a browser',
    async (url) => {
      const answer = await app.inject({ url, headers: NAVIGATION })
      expect(answer.statusCode).toBe(404)
      expect(answer.headers['content-type']).toContain('application/problem+json')
    },
  )
})

describe('an asset', () => {
  test('whose name holds a hash is kept for ever', async () => {
    const answer = await app.inject('/assets/index-B1x_y2Z-.js')
    expect(answer.payload).toBe('export {}')
    expect(answer.headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect(answer.headers['cache-control']).toBe('public, max-age=31536000, immutable')
  })

  test('without one is asked for again, and answered briefly if it is the same', async () => {
    const first = await app.inject('/robots.txt')
    expect(first.headers['cache-control']).toBe('no-cache')
    const headers = { 'if-none-match': String(first.headers['etag']) }
    const again = await app.inject({ url: '/robots.txt', headers })
    expect(again.statusCode).toBe(304)
    expect(again.payload).toBe('')
  })

  test.each([
    '/assets/index-B1x_y2Z-.js.map',
    '/.env',
    '/passwd.txt',
    '/assets/../.env',
    '/assets/%2e%2e/.env',
    '/..%2f..%2fetc/passwd',
    '/assets/',
  ])('that is none is not found: %s', async (url) => {
    expect((await app.inject(url)).statusCode).toBe(404)
  })
})

test('a portal that was not built says how to build it', async () => {
  const bare = createApp(loadPortalFiles(join(directory, 'nothing')))
  const answer = await bare.inject({ url: '/', headers: NAVIGATION })
  expect(answer.statusCode).toBe(503)
  expect(answer.payload).toContain('npm run build')
  await bare.close()
})
