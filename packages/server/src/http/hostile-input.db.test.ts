/**
 * P9 Unspoken, at the edge: people and programs put recovery passwords and tokens where they do not
 * belong. Method: send them in every place of a request, whole and broken, to a listening server,
 * and search everything that was logged and answered for any part of them.
 */

import { connect, type AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDeps, type TestDeps } from '../../../../test/support/test-deps.ts'
import { buildApp } from '../app.ts'
import { createLog } from '../ops/log.ts'
import type { App } from './app-type.ts'

const PASSWORD = '471207-278498-422125-177177-561902-537405-468006-693451'
const TOKEN = 'keydesk_scim_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0'
const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJzZWNyZXQifQ.c2VjcmV0c2VjcmV0'

/** Whatever is left of a secret: a group of the password, or the random part of a token. */
const TRACES = [...PASSWORD.split('-'), 'c2VjcmV0']

let deps: TestDeps
let app: App
let port = 0
let logged = ''

beforeAll(async () => {
  deps = await createTestDeps()
  const destination = new Writable({
    write(chunk: Buffer, _, done) {
      logged += chunk.toString()
      done()
    },
  })
  app = await buildApp({
    ...deps,
    log: createLog({ level: 'debug', format: 'json', destination }),
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  port = (app.server.address() as AddressInfo).port
})

afterAll(async () => {
  await app.close()
  await deps[Symbol.asyncDispose]()
})

/** Sends the bytes and returns what comes back until the server closes or falls silent. */
function exchange(bytes: string): Promise<string> {
  return new Promise((settle) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    let answer = ''
    socket.setTimeout(400, () => socket.destroy())
    socket.on('data', (chunk) => (answer += chunk.toString()))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => settle(answer))
  })
}

function request(line: string, headers: readonly string[] = [], body = ''): string {
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const all = [line, 'Host: keydesk.example', ...headers, ...length, 'Connection: close']
  return `${all.join('\r\n')}\r\n\r\n${body}`
}

const POST = 'POST /api/v1/disclosures HTTP/1.1'
const JSON_TYPE = 'Content-Type: application/json'
const ENCODED = encodeURIComponent(PASSWORD.replaceAll('-', ' '))

const ATTEMPTS: Readonly<Record<string, string>> = {
  'in the path': request(`GET /api/v1/recovery-keys/${PASSWORD} HTTP/1.1`),
  'in a known path': request(`GET /api/v1/devices/${PASSWORD} HTTP/1.1`, [
    `Authorization: Bearer ${TOKEN}`,
  ]),
  'in the query': request(`GET /api/v1/recovery-keys?keyId=${PASSWORD}&t=${JWT} HTTP/1.1`),
  'in the query, encoded': request(`GET /api/v1/devices?search=${ENCODED} HTTP/1.1`),
  'in a portal address': request(`GET /keys/${PASSWORD} HTTP/1.1`, ['Accept: text/html']),
  'in a path with a broken escape': request(`GET /${PASSWORD}%zz%E0%A4%A HTTP/1.1`),
  'in a path that is far too long': request(`GET /${`${PASSWORD}/`.repeat(400)} HTTP/1.1`),
  'in x-request-id': request('GET /healthz HTTP/1.1', [`X-Request-Id: ${PASSWORD}`]),
  'in x-request-id without hyphens': request('GET /healthz HTTP/1.1', [
    `X-Request-Id: ${PASSWORD.replaceAll('-', '')}`,
  ]),
  'in x-request-id, a token': request('GET /healthz HTTP/1.1', [`X-Request-Id: ${TOKEN}`]),
  'in headers': request('GET /metrics HTTP/1.1', [
    `Authorization: Bearer ${TOKEN}`,
    `Cookie: key=${PASSWORD}`,
    `User-Agent: ${PASSWORD}`,
    `Referer: https://keydesk.example/?${PASSWORD}`,
    `X-Forwarded-For: ${PASSWORD}`,
  ]),
  'as a signed token': request(POST, [`Authorization: Bearer ${JWT}`, JSON_TYPE], '{}'),
  'in a header that is too long': request('GET /healthz HTTP/1.1', [
    `X-Key: ${PASSWORD.repeat(400)}`,
  ]),
  'in the method': `${PASSWORD} / HTTP/1.1\r\n\r\n`,
  'instead of a request': `${PASSWORD}\r\n${TOKEN}\r\n\r\n`,
  'in the version': `GET / ${PASSWORD}\r\nHost: x\r\n\r\n`,
  'in a broken header': `GET / HTTP/1.1\r\n${PASSWORD} ${TOKEN}\r\n\r\n`,
  'in a body that is not JSON': request(POST, [JSON_TYPE], PASSWORD),
  'in a body that is cut': request(POST, [JSON_TYPE], `{"recoveryKeyId":"${PASSWORD}`),
  'in a body of another type': request(POST, ['Content-Type: text/plain'], PASSWORD),
  'in a media type': request(POST, [`Content-Type: x/${PASSWORD}`], PASSWORD),
  'in a body that is not UTF-8': request(POST, [JSON_TYPE], `{"x":"${PASSWORD}\u0080"}`).replace(
    '\u0080',
    '\u00ff',
  ),
  'in an unknown property': request(
    'POST /device/v1/enroll HTTP/1.1',
    [JSON_TYPE, `Authorization: Bearer ${JWT}`],
    JSON.stringify({
      [PASSWORD]: 1,
      enrollmentToken: TOKEN,
      device: { name: PASSWORD, [TOKEN]: 1 },
    }),
  ),
  'in values of the wrong form': request(
    POST,
    [JSON_TYPE, `Authorization: Bearer ${TOKEN}`],
    JSON.stringify({ recoveryKeyId: PASSWORD, reason: { code: PASSWORD, text: TOKEN } }),
  ),
  'in a prototype property': request(
    POST,
    [JSON_TYPE],
    `{"__proto__":{"${PASSWORD}":1},"constructor":{"prototype":{"x":"${TOKEN}"}}}`,
  ),
  'in a body that is too large': request(POST, [JSON_TYPE], `"${`${PASSWORD} `.repeat(6000)}"`),
  'in a body shorter than announced': [
    POST,
    'Host: x',
    JSON_TYPE,
    'Content-Length: 999',
    '',
    PASSWORD,
  ].join('\r\n'),
}

test.each(Object.entries(ATTEMPTS))(
  'a secret %s is neither logged nor answered',
  async (_, bytes) => {
    logged = ''
    const answer = await exchange(bytes)
    for (const trace of TRACES) {
      expect(answer).not.toContain(trace)
      expect(logged).not.toContain(trace)
    }
    const metrics = (await app.inject('/metrics')).payload
    for (const trace of TRACES) expect(metrics).not.toContain(trace)
  },
)

test('the search would find something: an honest request is logged', async () => {
  logged = ''
  await exchange(request('GET /readyz HTTP/1.1', ['X-Request-Id: find-me-in-the-log']))
  expect(logged).toContain('find-me-in-the-log')
  expect(logged).toContain('"route":"/readyz"')
})

test('the request ID of a proxy is kept when it is a plain token', async () => {
  const answer = await exchange(
    request('GET /healthz HTTP/1.1', ['X-Request-Id: proxy-7f3a9c21_x']),
  )
  expect(answer).toContain('x-request-id: proxy-7f3a9c21_x')
})

test('a malformed request is answered without a word about it', async () => {
  expect(await exchange('nonsense\r\n\r\n')).toBe(
    'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
  )
})
