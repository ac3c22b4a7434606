/**
 * A server that is killed at any moment starts again on the same data. Goal: whatever was committed
 * is there, nobody has to delete a file by hand, and no PostgreSQL is left running twice.
 *
 * Method: kill -9 after a random delay, from the first millisecond (initdb, first start, migration)
 * to well after it is ready, again and again on one data directory. The delays are printed by seed.
 * SLOW=1 kills ten times as often.
 */

import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import {
  existsSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterEach, describe, expect, test } from 'vitest'
import {
  disposeServers,
  embeddedDatabaseUrl,
  postmaster,
  startServerProcess,
  temporaryDirectory,
} from '../support/server-process.ts'

afterEach(disposeServers)

const isSlow = process.env['SLOW'] === '1'
const KILLS = isSlow ? 60 : 6
const FIRST_STARTS = isSlow ? 30 : 3
/** A first start takes about a second on a small machine, a later one half of that. */
const DELAY_MS_MAX = 1800
/** From the data directory to the first request, on a busy machine. */
const FIRST_START_MS_MAX = 1800

function query(dataDir: string, text: string): Promise<readonly Record<string, unknown>[]> {
  return queryUrl(embeddedDatabaseUrl(dataDir), text)
}

async function queryUrl(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Every postmaster of the data directory's cluster. A zombie has no working directory. */
function postmastersOf(dataDir: string): number[] {
  const isPostmaster = (pid: string): boolean => {
    try {
      const isServer = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('listen_addresses')
      return isServer && readlinkSync(`/proc/${pid}/cwd`) === join(dataDir, 'postgres')
    } catch {
      return false
    }
  }
  return readdirSync('/proc').filter(isPostmaster).map(Number)
}

async function kill(pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It was faster.
  }
  await sleep(0)
}

describe('kill -9', () => {
  test(
    `at ${KILLS} random moments of a new deployment loses nothing`,
    async () => {
      const dataDir = join(temporaryDirectory(), 'data')
      const delays: number[] = []
      for (let index = 0; index < KILLS; index += 1) {
        const delay = randomInt(DELAY_MS_MAX)
        delays.push(delay)
        const server = startServerProcess({ dataDir })
        await sleep(delay)
        server.child.kill('SIGKILL')
        await server.exited
      }
      console.log(`killed after ${delays.join(', ')} ms`)
      const server = startServerProcess({ dataDir })
      const address = await server.ready()
      expect((await fetch(`${address}/readyz`)).status).toBe(200)
      expect(await query(dataDir, 'select 1 from deployment')).toHaveLength(1)
      expect(readdirSync(dataDir).filter((name) => name.includes('.new-'))).toEqual([])
      server.child.kill('SIGTERM')
      expect(await server.exited).toBe(0)
      expect(postmastersOf(dataDir)).toEqual([])
    },
    60_000 * KILLS,
  )

  test(
    `during ${FIRST_STARTS} first starts leaves nothing half made`,
    async () => {
      const left: string[] = []
      for (let index = 0; index < FIRST_STARTS; index += 1) {
        const dataDir = join(temporaryDirectory(), 'data')
        const delay = randomInt(FIRST_START_MS_MAX)
        const killed = startServerProcess({ dataDir })
        await expect.poll(() => existsSync(dataDir), { interval: 2, timeout: 20_000 }).toBe(true)
        await sleep(delay)
        killed.child.kill('SIGKILL')
        await killed.exited
        left.push(`${delay} ms: ${readdirSync(dataDir).join(' ')}`)
        const server = startServerProcess({ dataDir })
        const address = await server.ready()
        expect((await fetch(`${address}/readyz`)).status).toBe(200)
        // A link for the first administrator was shown, and the last one that was shown works.
        const shown = `${killed.output()}${server.output()}`
        const link = [...shown.matchAll(/\/welcome\/\S+/g)].at(-1)?.[0] ?? ''
        expect((await fetch(address + link)).status).toBe(200)
        server.child.kill('SIGTERM')
        await server.exited
      }
      console.log(`left behind after ${left.join('; after ')}`)
    },
    60_000 * FIRST_STARTS,
  )

  test('of the server leaves its commits and its orphan, which the next start stops', async () => {
    const dataDir = join(temporaryDirectory(), 'data')
    const first = startServerProcess({ dataDir })
    await first.ready()
    await query(dataDir, 'create table crash_proof (number integer)')
    await query(dataDir, 'insert into crash_proof values (1)')
    const orphan = postmaster(dataDir).pid
    first.child.kill('SIGKILL')
    await first.exited
    expect(postmastersOf(dataDir)).toContain(orphan)

    const second = startServerProcess({ dataDir })
    await second.ready()
    expect(second.output()).toContain('stopping the PostgreSQL that a killed server left')
    expect(postmaster(dataDir).pid).not.toBe(orphan)
    expect(await query(dataDir, 'select number from crash_proof')).toEqual([{ number: 1 }])
  })

  test('of the server and its PostgreSQL at once loses no commit', async () => {
    const dataDir = join(temporaryDirectory(), 'data')
    const first = startServerProcess({ dataDir })
    await first.ready()
    await query(dataDir, 'create table crash_proof (number integer)')
    const url = embeddedDatabaseUrl(dataDir)
    const database = postmaster(dataDir).pid
    let committed = 0
    const writing = (async () => {
      const client = new Client({ connectionString: url })
      client.on('error', () => undefined)
      await client.connect()
      try {
        while (committed < 100_000) {
          await client.query('insert into crash_proof values ($1)', [committed + 1])
          committed += 1
        }
      } catch {
        // The kill: the last one may or may not be there.
      }
    })()
    await sleep(300)
    await Promise.all([kill(database), kill(first.child.pid ?? 0)])
    await writing
    await first.exited
    expect(committed).toBeGreaterThan(0)

    await startServerProcess({ dataDir }).ready()
    const [row] = await query(dataDir, 'select count(*)::int as count from crash_proof')
    expect(row?.['count']).toBeGreaterThanOrEqual(committed)
  })

  test('of PostgreSQL alone ends the server, and the next start recovers', async () => {
    const dataDir = join(temporaryDirectory(), 'data')
    const first = startServerProcess({ dataDir })
    await first.ready()
    await kill(postmaster(dataDir).pid)
    expect(await first.exited).toBe(1)
    expect(first.output()).toContain('the database is gone; stopping')
    await startServerProcess({ dataDir }).ready()
  })

  test('of one session of PostgreSQL is survived: the server takes its lock again', async () => {
    const dataDir = join(temporaryDirectory(), 'data')
    const server = startServerProcess({ dataDir })
    const address = await server.ready()
    const [session] = await query(
      dataDir,
      "select pid from pg_stat_activity where application_name = 'keydesk-server' limit 1",
    )
    await kill(Number(session?.['pid']))
    await expect.poll(() => server.output(), { timeout: 20_000 }).toContain('taking it again')
    await expect
      .poll(async () => (await fetch(`${address}/readyz`)).status, { timeout: 20_000 })
      .toBe(200)
    const rival = startServerProcess({ dataDir })
    expect(await rival.exited).toBe(1)
    expect(rival.output()).toContain(`Another Keydesk server (process ${server.child.pid})`)
  })
})

describe('a stale postmaster.pid', () => {
  test('whose number now belongs to another process of the same user is no obstacle', async () => {
    const dataDir = join(temporaryDirectory(), 'data')
    const first = startServerProcess({ dataDir })
    await first.ready()
    const { pid } = postmaster(dataDir)
    const file = join(dataDir, 'postgres', 'postmaster.pid')
    const { uid, gid } = statSync(file)
    const bystander = spawn('sleep', ['120'], process.getuid?.() === 0 ? { uid, gid } : {})
    const stale = readFileSync(file, 'utf8').replace(String(pid), String(bystander.pid))
    first.child.kill('SIGTERM')
    await first.exited
    expect(existsSync(file)).toBe(false)

    // As after a power cut in a container, where process IDs start again from 1.
    writeFileSync(file, stale)
    try {
      await startServerProcess({ dataDir }).ready()
    } finally {
      bystander.kill()
    }
  })
})
