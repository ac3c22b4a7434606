/**
 * How a server ends. Goal: what it began it answers, what comes later it turns away, and it is gone
 * within the grace time. Method: a lock in the database holds one request in flight for as long as
 * the test wants (readiness gives up after two seconds; the tests are faster).
 */

import { existsSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterEach, expect, test } from 'vitest'
import {
  disposeServers,
  embeddedDatabaseUrl,
  startServerProcess,
  temporaryDirectory,
  type ServerProcess,
} from '../support/server-process.ts'

const clients: Client[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) await client.end().catch(() => undefined)
  await disposeServers()
})

interface Held {
  readonly server: ServerProcess
  readonly address: string
  /** The answer to a request that is in flight. */
  readonly answer: Promise<Response>
  /** Lets it go on. */
  readonly release: () => Promise<unknown>
}

/** A server with one request in flight that waits for a lock. */
async function holdRequest(env: Readonly<Record<string, string>> = {}): Promise<Held> {
  const dataDir = join(temporaryDirectory(), 'data')
  const server = startServerProcess({ dataDir, env })
  const address = await server.ready()
  const client = new Client({ connectionString: embeddedDatabaseUrl(dataDir) })
  client.on('error', () => undefined)
  clients.push(client)
  await client.connect()
  await client.query('begin; lock table schema_migration in access exclusive mode')
  const answer = fetch(`${address}/readyz`)
  answer.catch(() => undefined)
  await expect
    .poll(async () => (await client.query('select 1 from pg_locks where not granted')).rowCount, {
      timeout: 20_000,
    })
    .toBeGreaterThan(0)
  return { server, address, answer, release: () => client.query('rollback') }
}

/** An open connection on which a request can be sent later. */
async function openConnection(address: string): Promise<Socket> {
  const socket = connect(Number(new URL(address).port), '127.0.0.1')
  socket.on('error', () => undefined)
  await new Promise((settle) => socket.once('connect', settle))
  return socket
}

async function isStopping(server: ServerProcess): Promise<void> {
  await expect.poll(() => server.output(), { timeout: 20_000 }).toContain('"msg":"stopping"')
  await sleep(50)
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s: the request in flight is answered, a new one is turned away, exit 0',
  async (signal) => {
    const { server, address, answer, release } = await holdRequest()
    const socket = await openConnection(address)
    let late = ''
    socket.on('data', (chunk) => (late += chunk.toString()))
    // Half a request keeps the connection from being idle, which would close it.
    socket.write('GET /healthz HTTP/1.1\r\n')
    await sleep(50)
    server.child.kill(signal)
    await isStopping(server)
    await expect(fetch(`${address}/healthz`)).rejects.toThrow('fetch failed')
    socket.write('Host: keydesk.example\r\n\r\n')
    await expect.poll(() => late, { timeout: 20_000 }).toContain('SHUTTING_DOWN')
    expect(late).toContain('retry-after: 5')

    await release()
    expect((await answer).status).toBe(200)
    expect(await server.exited).toBe(0)
    expect(existsSync(join(server.dataDir, 'postgres', 'postmaster.pid'))).toBe(false)
  },
)

test('after the grace time the request is cut off, and the server exits with 1', async () => {
  const { server, answer } = await holdRequest({ KEYDESK_SHUTDOWN_GRACE: '1s' })
  server.child.kill('SIGTERM')
  const started = performance.now()
  await expect(answer).rejects.toThrow('fetch failed')
  expect(await server.exited).toBe(1)
  expect(performance.now() - started).toBeLessThan(10_000)
  expect(existsSync(join(server.dataDir, 'postgres', 'postmaster.pid'))).toBe(false)
})

test('a second signal ends it at once, and the next start copes', async () => {
  const server = startServerProcess({ dataDir: join(temporaryDirectory(), 'data') })
  const socket = await openConnection(await server.ready())
  // A request that never ends holds the stop for the whole grace time.
  socket.write('GET /healthz HTTP/1.1\r\n')
  await sleep(50)
  server.child.kill('SIGTERM')
  await isStopping(server)
  // A signal within a second counts as an echo of the first.
  await sleep(1100)
  const started = performance.now()
  server.child.kill('SIGTERM')
  expect(await server.exited).toBe(1)
  expect(performance.now() - started).toBeLessThan(1000)
  await startServerProcess({ dataDir: server.dataDir }).ready()
})

test('a signal during the start ends it in order', async () => {
  const dataDir = join(temporaryDirectory(), 'data')
  const server = startServerProcess({ dataDir })
  await expect
    .poll(() => server.output(), { interval: 5, timeout: 20_000 })
    .toContain('making the database')
  server.child.kill('SIGTERM')
  expect(await server.exited).toBe(0)
  expect(server.output()).not.toContain('"level":"fatal"')
  expect(existsSync(join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false)
  await startServerProcess({ dataDir }).ready()
})
