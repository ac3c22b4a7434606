/**
 * What stops a start, and that it says so: the vault key, the configuration, another server. Goal:
 * a wrong start never harms data, and its one sentence names the thing to change.
 */

import {
  chmodSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import {
  disposeServers,
  embeddedDatabaseUrl,
  startServerProcess,
  temporaryDirectory,
  type ServerProcess,
} from '../support/server-process.ts'

afterEach(disposeServers)

async function stopped(server: ServerProcess): Promise<number | NodeJS.Signals> {
  await server.ready()
  server.child.kill('SIGTERM')
  return await server.exited
}

/** A data directory that a server has been run on. */
async function usedDataDir(): Promise<string> {
  const dataDir = join(temporaryDirectory(), 'data')
  expect(await stopped(startServerProcess({ dataDir }))).toBe(0)
  return dataDir
}

describe('the first start', () => {
  test('makes a private data directory and tells what to back up', async () => {
    const dataDir = join(temporaryDirectory(), 'data')
    const server = startServerProcess({ dataDir })
    const address = await server.ready()
    expect(await (await fetch(`${address}/healthz`)).json()).toEqual({ status: 'alive' })
    expect(server.output()).toContain(join(dataDir, 'vault-key.json'))
    expect(server.output()).toContain('Back up the vault key file now')
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    expect(statSync(join(dataDir, 'vault-key.json')).mode & 0o777).toBe(0o600)
    expect(statSync(join(dataDir, 'postgres-password')).mode & 0o777).toBe(0o600)
  })

  test('is told once: the second start is silent about it and keeps the key', async () => {
    const dataDir = await usedDataDir()
    const key = readFileSync(join(dataDir, 'vault-key.json'), 'utf8')
    const server = startServerProcess({ dataDir })
    await server.ready()
    expect(server.output()).not.toContain('first time')
    expect(readFileSync(join(dataDir, 'vault-key.json'), 'utf8')).toBe(key)
  })
})

describe('the vault key', () => {
  test('missing beside a database stops the start, and none is made', async () => {
    const dataDir = await usedDataDir()
    const file = join(dataDir, 'vault-key.json')
    renameSync(file, `${file}.away`)
    const server = startServerProcess({ dataDir })
    expect(await server.exited).toBe(1)
    expect(server.output()).toContain(`The vault key file ${file} is missing`)
    expect(server.output()).toContain('restore the file from its backup')
    expect(existsSync(file)).toBe(false)

    renameSync(`${file}.away`, file)
    expect(await stopped(startServerProcess({ dataDir }))).toBe(0)
  })

  test('that others can read stops the start with the command that mends it', async () => {
    const dataDir = await usedDataDir()
    const file = join(dataDir, 'vault-key.json')
    chmodSync(file, 0o640)
    const server = startServerProcess({ dataDir })
    expect(await server.exited).toBe(1)
    expect(server.output()).toContain(
      `can be read by other users (mode 0640). Run: chmod 600 ${file}`,
    )
  })

  test('of another deployment stops the start', async () => {
    const dataDir = await usedDataDir()
    const other = await usedDataDir()
    const file = join(other, 'vault-key.json')
    const server = startServerProcess({ dataDir, env: { KEYDESK_VAULT_KEY_FILE: file } })
    expect(await server.exited).toBe(1)
    expect(server.output()).toContain(`The vault key file ${file} belongs to another deployment`)
    // It stopped what it had started.
    expect(existsSync(join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false)
  })
})

describe('the configuration', () => {
  test('lists every wrong value by name, and never repeats one', async () => {
    const dataDir = join(temporaryDirectory(), 'data')
    const server = startServerProcess({
      dataDir,
      env: {
        KEYDESK_ROTATION_DELAY: 'secret-one',
        DATABASE_URL: 'mysql://user:secret-two@db.keydesk.example/x',
      },
    })
    expect(await server.exited).toBe(1)
    expect(server.output()).toMatch(/KEYDESK_ROTATION_DELAY is wrong: .* Example: 2h/)
    expect(server.output()).toMatch(/DATABASE_URL is wrong: .* Example: postgres:/)
    expect(server.output()).not.toContain('secret-')
    expect(existsSync(dataDir)).toBe(false)
  })

  test('warns of a variable that does not exist and names the nearest', async () => {
    const dataDir = join(temporaryDirectory(), 'data')
    const server = startServerProcess({ dataDir, env: { KEYDESK_ROTATION_DELY: '1h' } })
    await server.ready()
    expect(server.output()).toContain(
      'KEYDESK_ROTATION_DELY is not a variable of this server; did you mean ' +
        'KEYDESK_ROTATION_DELAY?',
    )
  })

  test('a port that is taken stops the start, and PostgreSQL with it', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((settle) => taken.once('listening', settle))
    const { port } = taken.address() as AddressInfo
    const dataDir = join(temporaryDirectory(), 'data')
    const server = startServerProcess({ dataDir, env: { KEYDESK_PORT: String(port) } })
    expect(await server.exited).toBe(1)
    expect(server.output()).toContain(
      `Keydesk cannot listen on 127.0.0.1 port ${port}: another program listens there.`,
    )
    expect(existsSync(join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false)
    taken.close()
  })

  test('a DATABASE_URL that nothing answers stops the start without its password', async () => {
    const server = startServerProcess({
      dataDir: join(temporaryDirectory(), 'data'),
      env: { DATABASE_URL: 'postgres://keydesk:very-secret@127.0.0.1:1/keydesk' },
    })
    expect(await server.exited).toBe(1)
    expect(server.output()).toContain('The database cannot be used: ')
    expect(server.output()).toContain('Check DATABASE_URL.')
    expect(server.output()).not.toContain('very-secret')
  })
})

describe('two servers', () => {
  test('on one data directory: the second stops with a sentence, the first goes on', async () => {
    const dataDir = join(temporaryDirectory(), 'data')
    const first = startServerProcess({ dataDir })
    const address = await first.ready()
    const second = startServerProcess({ dataDir })
    expect(await second.exited).toBe(1)
    expect(second.output()).toContain(
      `Another Keydesk server (process ${first.child.pid}) is running on the ` +
        `data directory ${dataDir}.`,
    )
    expect((await fetch(`${address}/readyz`)).status).toBe(200)
  })

  test('started at once on an empty directory: one stays, the other says why', async () => {
    const dataDir = join(temporaryDirectory(), 'data')
    const rivals = [startServerProcess({ dataDir }), startServerProcess({ dataDir })]
    const outcomes = await Promise.all(
      rivals.map((rival) =>
        rival.ready().then(
          () => 'ready',
          () => 'stopped',
        ),
      ),
    )
    expect(outcomes.toSorted()).toEqual(['ready', 'stopped'])
    const loser = rivals[outcomes.indexOf('stopped')]!
    expect(loser.output()).toMatch(/Another Keydesk server \(process \d+\) is running/)
    expect(loser.output()).toContain(dataDir)
  })

  test('on one DATABASE_URL share it, with one vault key', async () => {
    const host = join(temporaryDirectory(), 'data')
    await startServerProcess({ dataDir: host }).ready()
    // The embedded database of the first stands in for one that somebody else runs.
    const shared = {
      DATABASE_URL: embeddedDatabaseUrl(host),
      KEYDESK_VAULT_KEY_FILE: join(host, 'vault-key.json'),
    }
    const nodes = [1, 2].map(() =>
      startServerProcess({ dataDir: join(temporaryDirectory(), 'data'), env: shared }),
    )
    for (const node of nodes) {
      const address = await node.ready()
      expect((await fetch(`${address}/readyz`)).status).toBe(200)
      expect(existsSync(join(node.dataDir, 'postgres'))).toBe(false)
    }
    const stranger = startServerProcess({
      dataDir: join(temporaryDirectory(), 'data'),
      env: { DATABASE_URL: shared.DATABASE_URL },
    })
    expect(await stranger.exited).toBe(1)
    expect(stranger.output()).toContain('is missing, but there is a database (DATABASE_URL)')
    expect(existsSync(join(stranger.dataDir, 'vault-key.json'))).toBe(false)
  })
})

describe('the database files', () => {
  test('without their password file stop the start', async () => {
    const dataDir = await usedDataDir()
    const file = join(dataDir, 'postgres-password')
    rmSync(file)
    const server = startServerProcess({ dataDir })
    expect(await server.exited).toBe(1)
    expect(server.output()).toContain(`${file} is missing`)
    expect(existsSync(file)).toBe(false)
  })

  test('of another backup than their password file stop the start, and PostgreSQL', async () => {
    const dataDir = await usedDataDir()
    const file = join(dataDir, 'postgres-password')
    writeFileSync(file, `${'0'.repeat(64)}\n`)
    const server = startServerProcess({ dataDir })
    expect(await server.exited).toBe(1)
    expect(server.output()).toContain(`refuses the password in ${file}`)
    expect(existsSync(join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false)
  })
})
