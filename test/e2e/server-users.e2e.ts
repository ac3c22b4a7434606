/**
 * Who starts the server, and where it lies. Goal: `npm start` works for root and for everybody
 * else, also in a checkout that only root can enter, and PostgreSQL never keeps a right of root's.
 *
 * The cases of root need root; the runner's user decides which ones run.
 */

import { spawnSync } from 'node:child_process'
import { chownSync, cpSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import {
  disposeServers,
  postmaster,
  startServerProcess,
  temporaryDirectory,
} from '../support/server-process.ts'

afterEach(disposeServers)

const ROOT = resolve(import.meta.dirname, '../..')
const isRoot = process.getuid?.() === 0
const NOBODY = { uid: 65_534, gid: 65_534 }

/** Effective user and capabilities of a process, from the kernel. */
function privileges(pid: number): { uid: number; groups: string; capabilities: string[] } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string): string =>
    new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1] ?? ''
  return {
    uid: Number(field('Uid').split('\t')[1]),
    groups: field('Groups').trim(),
    capabilities: ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'].map(field),
  }
}

const NONE = Array.from({ length: 4 }, () => '0000000000000000')

describe.runIf(isRoot)('started as root', () => {
  test('PostgreSQL is another user without groups and capabilities', async () => {
    const dataDir = join(temporaryDirectory(), 'data')
    await startServerProcess({ dataDir }).ready()
    const { uid, groups, capabilities } = privileges(postmaster(dataDir).pid)
    expect(uid).not.toBe(0)
    expect(groups).toBe('')
    expect(capabilities).toEqual(NONE)
    expect(statSync(join(dataDir, 'postgres')).uid).toBe(uid)
    expect(statSync(dataDir).uid).toBe(0)
    expect(statSync(join(dataDir, 'vault-key.json')).uid).toBe(0)
  })

  test('in a checkout that only root can enter, it works just the same', async () => {
    const closed = temporaryDirectory()
    expect(statSync(closed).mode & 0o777).toBe(0o700)
    const checkout = join(closed, 'checkout')
    mkdirSync(checkout)
    for (const name of ['packages', 'package.json']) {
      cpSync(join(ROOT, name), join(checkout, name), { recursive: true })
    }
    installDependencies(checkout)
    const dataDir = join(checkout, 'data')
    const server = startServerProcess({ dataDir, root: checkout })
    const address = await server.ready()
    expect((await fetch(`${address}/readyz`)).status).toBe(200)
    expect(server.output()).toContain('running a copy of the PostgreSQL programs')
    const { uid, capabilities } = privileges(postmaster(dataDir).pid)
    expect(uid).not.toBe(0)
    expect(capabilities).toEqual(NONE)
    server.child.kill('SIGTERM')
    expect(await server.exited).toBe(0)
  })

  test('a cluster that came back from a backup as root is given to its user again', async () => {
    const original = join(temporaryDirectory(), 'data')
    const server = startServerProcess({ dataDir: original })
    await server.ready()
    server.child.kill('SIGTERM')
    await server.exited
    const restored = join(temporaryDirectory(), 'data')
    // Like `cp -r` as root: contents and modes, not owners.
    cpSync(original, restored, { recursive: true })
    expect(statSync(join(restored, 'postgres')).uid).toBe(0)
    await startServerProcess({ dataDir: restored }).ready()
    expect(statSync(join(restored, 'postgres')).uid).not.toBe(0)
  })

  test('on the data of an unprivileged user, PostgreSQL runs as that user', async () => {
    const dataDir = ownedDirectory()
    const first = startServerProcess({ dataDir, user: NOBODY })
    await first.ready()
    first.child.kill('SIGTERM')
    expect(await first.exited).toBe(0)
    await startServerProcess({ dataDir }).ready()
    expect(privileges(postmaster(dataDir).pid).uid).toBe(NOBODY.uid)
  })
})

/** Root with these capabilities only, as util-linux's setpriv makes one. */
function rootWith(...capabilities: readonly string[]): readonly string[] {
  const bounding = ['-all', ...capabilities.map((name) => `+${name}`)].join(',')
  return ['setpriv', '--bounding-set', bounding, '--inh-caps', '-all']
}

const hasSetpriv = spawnSync('setpriv', ['--version']).status === 0
/** What Docker and Podman leave to root by default, as far as it matters here. */
const CONTAINER = ['chown', 'dac_override', 'fowner', 'kill', 'setgid', 'setuid']

describe.runIf(isRoot && hasSetpriv)('started as the root of a container', () => {
  test('it starts, finds the orphan of a killed server, and stops in order', async () => {
    const dataDir = join(temporaryDirectory(), 'data')
    const first = startServerProcess({ dataDir, wrapper: rootWith(...CONTAINER) })
    await first.ready()
    first.child.kill('SIGKILL')
    await first.exited
    const second = startServerProcess({ dataDir, wrapper: rootWith(...CONTAINER) })
    await second.ready()
    expect(second.output()).toContain('stopping the PostgreSQL that a killed server left')
    const rival = startServerProcess({ dataDir, wrapper: rootWith(...CONTAINER) })
    expect(await rival.exited).toBe(1)
    expect(rival.output()).toContain('Another Keydesk server')
    second.child.kill('SIGTERM')
    expect(await second.exited).toBe(0)
  })

  test.each([
    ['that may not change users', ['chown', 'dac_override'], 'may not change to another user'],
    ['that may not give files away', ['setuid', 'setgid'], 'Root needs the capabilities CHOWN'],
  ])('%s, it stops with a sentence', async (_, capabilities, sentence) => {
    const dataDir = join(temporaryDirectory(), 'data')
    const server = startServerProcess({ dataDir, wrapper: rootWith(...capabilities) })
    expect(await server.exited).toBe(1)
    expect(server.output()).toContain(sentence)
    expect(server.output()).toContain('or set DATABASE_URL')
  })
})

describe.runIf(isRoot)('started as an unprivileged user', () => {
  test('everything belongs to that user', async () => {
    const dataDir = ownedDirectory()
    const server = startServerProcess({ dataDir, user: NOBODY })
    await server.ready()
    expect(privileges(postmaster(dataDir).pid).uid).toBe(NOBODY.uid)
    for (const name of ['postgres', 'postgres-password', 'vault-key.json']) {
      expect(statSync(join(dataDir, name)).uid).toBe(NOBODY.uid)
    }
  })

  test('on the data of root, the start stops with a sentence', async () => {
    const parent = temporaryDirectory()
    const dataDir = join(parent, 'data')
    const first = startServerProcess({ dataDir })
    await first.ready()
    first.child.kill('SIGTERM')
    await first.exited
    chownSync(parent, NOBODY.uid, NOBODY.gid)
    const server = startServerProcess({ dataDir, user: NOBODY })
    expect(await server.exited).toBe(1)
    expect(server.output()).toContain(`The data directory ${dataDir} cannot be used (EACCES).`)
  })
})

function ownedDirectory(): string {
  const directory = temporaryDirectory()
  chownSync(directory, NOBODY.uid, NOBODY.gid)
  return join(directory, 'data')
}

/** What the server needs, copied: a link would lead out of the closed directory. */
function installDependencies(checkout: string): void {
  const from = join(ROOT, 'node_modules')
  const to = join(checkout, 'node_modules')
  const leftOut =
    /^(\.|@mantine|@oxc|@oxfmt|@oxlint|@rolldown|@typescript|@keydesk|typescript|node$)/
  cpSync(from, to, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => !leftOut.test(source.slice(from.length + 1)),
  })
  mkdirSync(join(to, '@keydesk'), { recursive: true })
  for (const name of ['bitlocker', 'contract', 'tlog']) {
    symlinkSync(join('..', '..', 'packages', name), join(to, '@keydesk', name))
  }
}
