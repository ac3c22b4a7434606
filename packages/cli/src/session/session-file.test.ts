/** The file of sign-ins: who can read it, and that nothing breaks it. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SESSION_LOCK_STALE_MS } from '../limits.ts'
import { readSessions, updateSessions, type Session, type Sessions } from './session-file.ts'
import { sessionFolder } from './session-folder.ts'

const SERVER = 'https://keydesk.example'
const SESSION: Session = {
  issuer: `${SERVER}/oidc`,
  clientId: 'keydesk-cli',
  accessToken: 'access',
  expiresAt: '2026-11-22T12:00:00.000Z',
  refreshToken: 'refresh',
  signedInAt: '2026-11-22T11:00:00.000Z',
}
const ONE: Sessions = { version: 1, current: SERVER, services: { [SERVER]: SESSION } }

let root: string
let folder: string
let file: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keydesk-sessions-'))
  folder = join(root, 'config/keydesk')
  file = join(folder, 'sessions.json')
})
afterEach(() => rmSync(root, { recursive: true }))

const save = async (sessions: Sessions) =>
  await updateSessions(folder, async () => await Promise.resolve({ sessions, result: undefined }))

const modeOf = (path: string) => lstatSync(path).mode & 0o777

describe('the file', () => {
  test('is for its user only, and so is its folder, whatever the umask', async () => {
    const before = process.umask(0)
    try {
      await save(ONE)
    } finally {
      process.umask(before)
    }
    expect([modeOf(folder), modeOf(file)]).toEqual([0o700, 0o600])
    expect(await readSessions(folder)).toEqual(ONE)
    expect(readdirSync(folder)).toEqual(['sessions.json'])
  })

  test('that is not there means no sign-in', async () => {
    expect(await readSessions(folder)).toEqual({ version: 1, services: {} })
  })

  test.each([
    ['the file', () => chmodSync(file, 0o640), 'mode 640'],
    ['the folder', () => chmodSync(folder, 0o770), 'mode 770'],
  ])('is not trusted when others can use %s', async (_what, widen, mode) => {
    await save(ONE)
    widen()
    const reading = readSessions(folder)
    await expect(reading).rejects.toMatchObject({ code: 'SESSION_FILE' })
    await expect(reading).rejects.toThrow(mode)
  })

  test('is not followed when it is a link', async () => {
    await save(ONE)
    const elsewhere = join(root, 'elsewhere.json')
    writeFileSync(elsewhere, readFileSync(file), { mode: 0o600 })
    rmSync(file)
    symlinkSync(elsewhere, file)
    await expect(readSessions(folder)).rejects.toMatchObject({ code: 'SESSION_FILE' })
  })

  test.each([
    ['empty', ''],
    ['cut off', '{"version":1,"services":{"https://keydesk.exam'],
    ['of another version', '{"version":2,"services":{}}'],
    ['without its fields', '{"version":1,"services":{"https://keydesk.example":{}}}'],
    ['a list', '[]'],
    ['too large', `{"version":1,"services":{},"x":"${'x'.repeat(1_100_000)}"}`],
  ])('(%s) is refused with what to do, and left as it is', async (_what, text) => {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(file, text, { mode: 0o600 })
    const reading = readSessions(folder)
    await expect(reading).rejects.toMatchObject({ code: 'SESSION_FILE', exitCode: 2 })
    await expect(reading).rejects.toThrow('sign in again')
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  test('stays as it was when the change fails', async () => {
    await save(ONE)
    const failing = updateSessions(folder, () => Promise.reject(new Error('no network')))
    await expect(failing).rejects.toThrow('no network')
    expect(await readSessions(folder)).toEqual(ONE)
    expect(readdirSync(folder)).toEqual(['sessions.json'])
  })
})

describe('two commands at once', () => {
  test('change it one after the other: no change is lost, no token used twice', async () => {
    await save({ version: 1, services: {} })
    let inside = 0
    const change = async (index: number) =>
      await updateSessions(folder, async (sessions) => {
        inside += 1
        expect(inside).toBe(1)
        await pause(5)
        inside -= 1
        const services = { ...sessions.services, [`https://s${index}.example`]: SESSION }
        return { sessions: { version: 1, services }, result: undefined }
      })
    await Promise.all(Array.from({ length: 12 }, (_, index) => change(index)))
    expect(Object.keys((await readSessions(folder)).services)).toHaveLength(12)
    expect(existsSync(join(folder, 'sessions.lock'))).toBe(false)
  })

  test('the lock that a crash left is taken over once it is old', async () => {
    await save(ONE)
    const lock = join(folder, 'sessions.lock')
    writeFileSync(lock, '')
    const old = (Date.now() - SESSION_LOCK_STALE_MS - 1000) / 1000
    utimesSync(lock, old, old)
    await save({ version: 1, services: {} })
    expect((await readSessions(folder)).services).toEqual({})
    expect(readdirSync(folder)).toEqual(['sessions.json'])
  })

  test('a fresh lock is waited for', async () => {
    await save(ONE)
    const lock = join(folder, 'sessions.lock')
    writeFileSync(lock, '')
    const saving = save({ version: 1, services: {} })
    await pause(120)
    expect(await readSessions(folder)).toEqual(ONE)
    rmSync(lock)
    await saving
    expect((await readSessions(folder)).services).toEqual({})
  })
})

describe('the place', () => {
  test.each([
    ['linux', {}, '/her/.config/keydesk'],
    ['linux', { XDG_CONFIG_HOME: '/srv/config' }, '/srv/config/keydesk'],
    ['linux', { XDG_CONFIG_HOME: 'relative' }, '/her/.config/keydesk'],
    ['darwin', {}, '/her/Library/Application Support/Keydesk'],
    ['win32', { APPDATA: '/her/AppData/Roaming' }, '/her/AppData/Roaming/Keydesk'],
  ] as const)('on %s with %o is %s', (platform, env, expected) => {
    expect(sessionFolder(env, platform, '/her')).toBe(expected)
  })
})
