/**
 * `keydesk login` against a whole service: the command as a process, the approval through the pages
 * that people see, and what the commands print then.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { spawn } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../scripts/service-process.ts'
import {
  becomeFirstAdministrator,
  type FirstAdministrator,
} from '../../scripts/sign-in/first-administrator.ts'
import { DeviceCodeApprover } from '../support/approve-device-code.ts'
import {
  disposeServers,
  startServerProcess,
  temporaryDirectory,
} from '../support/server-process.ts'

const LAUNCHER = resolve(import.meta.dirname, '../../packages/cli/bin/keydesk.js')

let origin: string
let home: string
let administrator: FirstAdministrator
let approver: DeviceCodeApprover

beforeAll(async () => {
  const port = await freePort()
  origin = `http://127.0.0.1:${port}`
  const env = { KEYDESK_PORT: String(port), KEYDESK_ORIGIN: origin }
  const server = startServerProcess({ dataDir: join(temporaryDirectory(), 'data'), env })
  await server.ready()
  const setupLink = /http\S+\/welcome\/\S+/.exec(server.output())?.[0] ?? ''
  administrator = await becomeFirstAdministrator({ origin, setupLink })
  approver = new DeviceCodeApprover(origin, administrator)
  home = temporaryDirectory()
}, 120_000)
afterAll(disposeServers)

interface Finished {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Running {
  readonly finished: Promise<Finished>
  /** The user code, once it is shown. */
  readonly userCode: Promise<string>
  interrupt(): void
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: home, XDG_CONFIG_HOME: join(home, '.config'), ...env },
  })
  const userCode = Promise.withResolvers<string>()
  const finished = Promise.withResolvers<Finished>()
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
    const code = /enter the code\n\n {2}(\S+)\n/.exec(stderr)?.[1]
    if (code !== undefined) userCode.resolve(code)
  })
  child.on('close', (exitCode) => {
    finished.resolve({ exitCode, stdout, stderr })
    userCode.reject(new Error(`no code was shown: ${stderr}`))
  })
  userCode.promise.catch(() => undefined)
  return {
    finished: finished.promise,
    userCode: userCode.promise,
    interrupt: () => child.kill('SIGINT'),
  }
}

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  return await start(args, env).finished
}

/** A command that must succeed; its answer with --json. */
async function runJson<T>(...args: readonly string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await run([...args, '--json'])
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  return JSON.parse(stdout) as T
}

interface StoredSessions {
  readonly services: Readonly<
    Record<string, { accessToken: string; refreshToken: string; expiresAt: string }>
  >
}

const sessionFile = () => join(home, '.config/keydesk/sessions.json')
const storedSession = () => {
  const { services } = JSON.parse(readFileSync(sessionFile(), 'utf8')) as StoredSessions
  return services[origin]
}

test('without a sign-in every command says how to get one', async () => {
  expect(await run(['users', 'list', '--server', origin])).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: `keydesk: You are not signed in at ${origin}: run "keydesk login --server ${origin}".\n`,
  })
})

test('a sign-in that is refused in the browser, or interrupted, leaves nothing behind', async () => {
  const denied = start(['login', '--server', origin])
  await approver.deny(await denied.userCode)
  expect(await denied.finished).toMatchObject({ exitCode: 1, stdout: '' })
  expect((await denied.finished).stderr).toMatch(
    /\nkeydesk: The sign-in failed: it was refused in the browser\.\n$/,
  )
  const interrupted = start(['login', '--server', origin])
  await interrupted.userCode
  interrupted.interrupt()
  expect((await interrupted.finished).exitCode).toBeNull()
  expect(() => statSync(sessionFile())).toThrow('ENOENT')
})

test('a service that sends people or programs to the issuer of another gets no token', async () => {
  const asked: string[] = []
  const info = await (await fetch(`${origin}/api/v1/sign-in-info`)).text()
  const evil = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.setHeader('content-type', 'application/json').end(info)
  })
  await new Promise<void>((done) => evil.listen(0, '127.0.0.1', done))
  const server = `http://127.0.0.1:${(evil.address() as AddressInfo).port}`
  const secretFile = join(temporaryDirectory(), 'secret')
  writeFileSync(secretFile, 'keydesk_app_of_the_genuine_service\n')
  const program = { KEYDESK_CLIENT_ID: 'x', KEYDESK_CLIENT_SECRET_FILE: secretFile }
  try {
    for (const refused of [
      await run(['login', '--server', server]),
      await run(['whoami', '--server', server], program),
    ]) {
      expect(refused).toMatchObject({ exitCode: 1, stdout: '' })
      expect(refused.stderr).toContain('asks for tokens of another service')
    }
  } finally {
    evil.close()
  }
  expect(asked).toEqual(['/api/v1/sign-in-info', '/api/v1/sign-in-info'])
})

test('login keeps tokens where only the user can read them, and prints none', async () => {
  const login = start(['login', '--server', origin])
  const userCode = await login.userCode
  await approver.approve(userCode)
  const { exitCode, stdout, stderr } = await login.finished
  expect({ exitCode, stdout }).toEqual({
    exitCode: 0,
    stdout: `Signed in at ${origin} as ${administrator.userPrincipalName}.\n`,
  })
  expect(stderr).toContain(`\n  ${origin}/oidc/device\n`)
  expect(statSync(sessionFile()).mode & 0o777).toBe(0o600)
  expect(statSync(join(home, '.config/keydesk')).mode & 0o777).toBe(0o700)
  const session = storedSession()
  expect(stdout + stderr).not.toContain(session?.accessToken)
  expect(stdout + stderr).not.toContain(session?.refreshToken)
})

test('whoami says where, who, with which roles and until when', async () => {
  const { exitCode, stdout, stderr } = await run(['whoami'])
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout).toContain(`Service       ${origin}\n`)
  expect(stdout).toContain(`User          ${administrator.userPrincipalName}\n`)
  expect(stdout).toMatch(/^Roles +Global Administrator$/m)
  expect(stdout).toMatch(/^Token until +\d{4}-\d\d-\d\d \d\d:\d\d UTC, then renewed by itself$/m)
  expect(await runJson<object>('whoami')).toMatchObject({
    server: origin,
    source: 'session',
    type: 'user',
    name: administrator.userPrincipalName,
  })
})

test('the directory: made, listed, imported, given to an owner, and undone', async () => {
  const created = await run(['users', 'create', 'bob@keydesk.example', '--display-name', 'Bob'])
  expect(created.stdout).toMatch(/^Added bob@keydesk\.example \([0-9a-f-]{36}\)\.\n$/)
  const { stdout: table } = await run(['users', 'list'])
  expect(table).toMatch(/^USER +NAME +DEPARTMENT +ACTIVE +SOURCE +ID\n/)
  expect(table).toMatch(/^bob@keydesk\.example +Bob +yes +local +[0-9a-f-]{36}$/m)

  const csv = join(home, 'users.csv')
  writeFileSync(csv, 'userPrincipalName,displayName\ncarol@keydesk.example,Carol\nnobody,Dan\n')
  const refused = await run(['users', 'import', csv])
  expect(refused).toMatchObject({ exitCode: 1, stdout: '' })
  expect(refused.stderr).toContain(`${csv}:3: userPrincipalName: `)
  expect(refused.stderr).toContain(`keydesk: ${csv}: 1 error; nothing changed.\n`)
  writeFileSync(csv, 'userPrincipalName,displayName\ncarol@keydesk.example,Carol\n')
  const counts = '1 created, 0 changed, 0 as they were'
  const dryRun = await run(['users', 'import', csv, '--dry-run'])
  expect(dryRun.stdout).toBe(`Nothing changed; it would be: ${counts}.\n`)
  expect((await run(['users', 'import', csv])).stdout).toBe(`Imported: ${counts}.\n`)
  expect((await run(['users', 'export'])).stdout).toContain('carol@keydesk.example')

  expect(await run(['groups', 'create', 'Helpdesk'])).toMatchObject({ exitCode: 0 })
  const add = await run(['groups', 'add-members', 'helpdesk', 'bob@keydesk.example'])
  expect(add.stdout).toBe('Members: 1 added.\n')
  const unit = await run([
    'units',
    'create',
    'Berlin',
    '--rule',
    'device.displayName -startsWith "B"',
  ])
  expect(unit).toMatchObject({ exitCode: 0 })
  const given = await run([
    'assignments',
    'add',
    'Helpdesk Administrator',
    '--group',
    'Helpdesk',
    '--unit',
    'Berlin',
  ])
  expect(given.stdout).toMatch(/^Helpdesk has Helpdesk Administrator for unit Berlin \(/)
  const access = await run(['access', 'user', 'bob@keydesk.example'])
  const line = access.stdout.split('\n').find((one) => one.includes('bitlockerKeys/key/read '))
  expect(line?.split(/ {2,}/)).toEqual([
    'microsoft.directory/bitlockerKeys/key/read',
    'some devices',
    'Helpdesk Administrator for unit Berlin by group Helpdesk',
  ])
})

test('what the service refuses is one line, with its code', async () => {
  const twice = await run(['users', 'create', 'BOB@keydesk.example', '--display-name', 'Bob'])
  expect(twice).toMatchObject({ exitCode: 1, stdout: '' })
  expect(twice.stderr).toMatch(/^keydesk: .+ \[[A-Z_]+\]\.\n$/)
  expect(await run(['users', 'show', 'nobody@keydesk.example'])).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: 'keydesk: There is no user "nobody@keydesk.example".\n',
  })
})

test('commands at the same moment renew an old sign-in once', async () => {
  const before = storedSession()!
  makeOld()
  const outcomes = await Promise.all(Array.from({ length: 4 }, () => run(['whoami'])))
  expect(outcomes.map(({ exitCode, stderr }) => ({ exitCode, stderr }))).toEqual(
    Array.from({ length: 4 }, () => ({ exitCode: 0, stderr: '' })),
  )
  expect(storedSession()!.refreshToken).not.toBe(before.refreshToken)
  // The issuer ends a sign-in whose refresh token comes twice.
  makeOld()
  expect(await run(['whoami'])).toMatchObject({ exitCode: 0 })
})

function makeOld(): void {
  const text = readFileSync(sessionFile(), 'utf8')
  writeFileSync(
    sessionFile(),
    text.replace(/"expiresAt": "[^"]+"/, '"expiresAt": "2026-01-01T00:00:00.000Z"'),
  )
}

test('a program works by its secret, without any sign-in', async () => {
  const secretFile = join(home, 'secret')
  writeFileSync(secretFile, `${administrator.clientSecret}\n`)
  const env = {
    KEYDESK_SERVER: origin,
    KEYDESK_CLIENT_ID: administrator.clientId,
    KEYDESK_CLIENT_SECRET_FILE: secretFile,
    XDG_CONFIG_HOME: join(home, 'nothing'),
  }
  const { exitCode, stdout } = await run(['whoami'], env)
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/^Program +Sample program$/m)
  writeFileSync(secretFile, 'wrong\n')
  expect(await run(['whoami'], env)).toEqual({
    exitCode: 1,
    stdout: '',
    stderr:
      'keydesk: The program cannot sign in: the issuer does not know this client ID, or the secret is wrong.\n',
  })
})

test('logout ends the sign-in: a copy of the file that somebody took is of no use', async () => {
  const { refreshToken } = storedSession()!
  const thief = { XDG_CONFIG_HOME: join(home, 'copy') }
  mkdirSync(join(home, 'copy/keydesk'), { recursive: true, mode: 0o700 })
  makeOld()
  const text = readFileSync(sessionFile())
  writeFileSync(join(home, 'copy/keydesk/sessions.json'), text, { mode: 0o600 })
  expect(await run(['logout'])).toEqual({
    exitCode: 0,
    stdout: `Signed out of ${origin}.\n`,
    stderr: '',
  })
  expect(readFileSync(sessionFile(), 'utf8')).not.toContain(refreshToken)
  const notSignedIn = `keydesk: You are not signed in at ${origin}: run "keydesk login --server ${origin}".\n`
  expect(await run(['whoami', '--server', origin])).toMatchObject({ stderr: notSignedIn })
  expect(await run(['whoami'], thief)).toEqual({ exitCode: 1, stdout: '', stderr: notSignedIn })
})
