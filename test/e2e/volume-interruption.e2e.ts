/**
 * What an interrupted `keydesk volume` leaves behind: a volume that opens, and a new password that
 * somebody has. A named pipe in place of the password file says when the command has come that far.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { makeNamedPipe, runKeydesk, runVolumeJson, startKeydesk } from './volume-process.ts'

interface Created {
  readonly recoveryPassword: string
  readonly protectors: readonly { readonly id: string; readonly type: string }[]
}
interface Rotated {
  readonly added: { readonly id: string; readonly recoveryPassword: string }
  readonly removed: readonly string[]
}
interface Passwords {
  readonly recoveryPasswords: readonly { readonly id: string; readonly recoveryPassword: string }[]
}

const root = await mkdtemp(join(tmpdir(), 'keydesk-interrupted-'))
afterAll(() => rm(root, { recursive: true }))

const haveFullDisk = existsSync('/dev/full')
if (!haveFullDisk) process.stderr.write('SKIP: no /dev/full, so no output that fails is tried\n')

let cwd = ''
let created: Created
let fingerprint = ''

beforeEach(async () => {
  cwd = await mkdtemp(join(root, 'volume-'))
  const args = ['create', 'pc.img', '--size', '1M', '--startup-key-out', 'pc.bek']
  const { answer } = await runVolumeJson(args, { cwd })
  created = answer as Created
  fingerprint = imageHash()
  makeNamedPipe(join(cwd, 'pipe'))
  await writeFile(join(cwd, 'old.txt'), created.recoveryPassword)
})

const imageHash = (): string =>
  createHash('sha256')
    .update(readFileSync(join(cwd, 'pc.img')))
    .digest('hex')

/** Returns when the command reads its password; with `text`, gives it one. */
async function feedPipe(text?: string): Promise<AsyncDisposable> {
  const writer = await open(join(cwd, 'pipe'), 'w')
  if (text !== undefined) {
    await writer.writeFile(text)
    await writer.close()
  }
  return writer
}

async function readBack(credential: readonly string[]): Promise<Record<string, string>> {
  const { answer } = await runVolumeJson(['passwords', 'pc.img', ...credential], { cwd })
  const { recoveryPasswords } = answer as Passwords
  return Object.fromEntries(recoveryPasswords.map((one) => [one.id, one.recoveryPassword]))
}

const pipeArgs = ['--recovery-password-file', 'pipe']
const oldArgs = ['--recovery-password-file', 'old.txt']
const oldId = (): string => created.protectors.find(({ type }) => type === 'recoveryPassword')!.id

/** Long enough for the stretch to run, far too short for it to end. */
const intoTheStretch = (): Promise<void> => new Promise((wake) => setTimeout(wake, 60))

describe('an interrupted command', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends the wait for a password', async (signal) => {
    const command = startKeydesk(['volume', 'verify', 'pc.img', ...pipeArgs], { cwd })
    await using _silent = await feedPipe()
    command.kill(signal)
    expect(await command.outcome).toEqual({
      exitCode: null,
      signal,
      stdout: '',
      stderr: 'keydesk: Interrupted.\n',
    })
  })

  test('SIGINT ends the trial of a password', async () => {
    const command = startKeydesk(['volume', 'verify', 'pc.img', ...pipeArgs, '--json'], { cwd })
    await feedPipe(created.recoveryPassword)
    await intoTheStretch()
    command.kill('SIGINT')
    const { signal, stdout, stderr } = await command.outcome
    expect({ signal, stdout }).toEqual({ signal: 'SIGINT', stdout: '' })
    expect(JSON.parse(stderr)).toEqual({ error: { code: 'INTERRUPTED', message: 'Interrupted' } })
  })

  test('a rotation that is interrupted before it writes changes nothing', async () => {
    const args = ['volume', 'rotate', 'pc.img', ...pipeArgs, '--new-password-out', 'new.txt']
    const command = startKeydesk(args, { cwd })
    await feedPipe(created.recoveryPassword)
    await intoTheStretch()
    command.kill('SIGINT')
    expect(await command.outcome).toMatchObject({ signal: 'SIGINT', stdout: '' })
    expect(imageHash()).toBe(fingerprint)
    expect(existsSync(join(cwd, 'new.txt'))).toBe(false)
  })

  test('a creation that is interrupted leaves no file', async () => {
    const args = ['volume', 'create', 'new.img', '--size', '512M', '--startup-key-out', 'new.bek']
    const command = startKeydesk(args, { cwd })
    while (!existsSync(join(cwd, 'new.img'))) await new Promise(setImmediate)
    command.kill('SIGINT')
    expect(await command.outcome).toMatchObject({ signal: 'SIGINT', stdout: '' })
    expect(existsSync(join(cwd, 'new.img'))).toBe(false)
    expect(existsSync(join(cwd, 'new.bek'))).toBe(false)
  })
})

describe.skipIf(!haveFullDisk)('a creation whose recovery password nobody could see', () => {
  const create = ['volume', 'create', '--size', '1M', '--startup-key-out', 'new.bek']

  test.each([[], ['--json']])('leaves no file (%s)', async (...json) => {
    const { exitCode, stderr } = await intoFullDisk([...create, 'new.img', ...json])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('Standard output cannot be written (ENOSPC)')
    expect(readdirSync(cwd).toSorted()).toEqual(['old.txt', 'pc.bek', 'pc.img', 'pipe'])
  })

  test('replaces no image, even with --force', async () => {
    const { exitCode, stderr } = await intoFullDisk([...create, 'pc.img', '--force', '--json'])
    expect(exitCode).toBe(2)
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'OUTPUT' } })
    expect(imageHash()).toBe(fingerprint)
    expect(readdirSync(cwd).toSorted()).toEqual(['old.txt', 'pc.bek', 'pc.img', 'pipe'])
  })
})

describe('a rotation that stops between its two phases', () => {
  const args = ['volume', 'rotate', 'pc.img', '--startup-key', 'pc.bek', '--json']

  test('has printed and saved the new password, which unlocks as the old one does', async () => {
    const command = startKeydesk([...args, '--new-password-out', 'new.txt'], { cwd })
    await command.printed('"added"')
    command.kill('SIGINT')
    const { signal, stdout, stderr } = await command.outcome
    const { added, removed } = JSON.parse(stdout) as Rotated
    expect({ signal, removed }).toEqual({ signal: 'SIGINT', removed: [] })
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'ROTATION_HALF_DONE' } })
    expect(stderr).toContain(oldId().toUpperCase())
    expect(stderr).not.toContain(added.recoveryPassword)
    expect(readFileSync(join(cwd, 'new.txt'), 'utf8')).toBe(`${added.recoveryPassword}\n`)
    const both = {
      [oldId()]: created.recoveryPassword,
      [added.id]: added.recoveryPassword,
    }
    expect(await readBack(oldArgs)).toEqual(both)
    expect(await readBack(['--recovery-password-file', 'new.txt'])).toEqual(both)
  })

  test('by kill -9: the old password reads the new one back, and a person finishes', async () => {
    const command = startKeydesk(args, { cwd })
    await command.printed('"added"')
    command.kill('SIGKILL')
    const { signal, stdout } = await command.outcome
    const printed = /"recoveryPassword":"([\d-]+)"/.exec(stdout)?.[1]
    expect(signal).toBe('SIGKILL')
    const known = await readBack(oldArgs)
    expect(known[oldId()]).toBe(created.recoveryPassword)
    expect(Object.values(known)).toContain(printed)

    // With the startup key alone it is not clear which of the two to replace.
    const before = imageHash()
    const unclear = await runKeydesk(args, { cwd })
    expect(unclear).toMatchObject({ exitCode: 2, stdout: '' })
    const { error } = JSON.parse(unclear.stderr) as { error: { code: string; message: string } }
    expect(error.code).toBe('PROTECTOR_CHOICE')
    for (const id of Object.keys(known)) expect(error.message).toContain(id.toUpperCase())
    expect(imageHash()).toBe(before)
    const chosen = [...args.slice(1, -1), '--protector', oldId().slice(0, 8)]
    const { answer } = await runVolumeJson(chosen, { cwd })
    expect((answer as Rotated).removed).toEqual([oldId()])
  })

  test.skipIf(!haveFullDisk)(
    'because nobody could see the new password: the old one stays, and reads it back',
    async () => {
      const { exitCode, stderr } = await intoFullDisk(args)
      expect(exitCode).toBe(2)
      expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'ROTATION_HALF_DONE' } })
      const known = await readBack(oldArgs)
      expect(Object.keys(known)).toHaveLength(2)
      expect(known[oldId()]).toBe(created.recoveryPassword)
    },
  )
})

/** Runs with a standard output that takes nothing. */
async function intoFullDisk(
  args: readonly string[],
): Promise<{ exitCode: number; stderr: string }> {
  const full = await open('/dev/full', 'w')
  const launcher = resolve(import.meta.dirname, '../../packages/cli/bin/keydesk.js')
  const child = spawn(process.execPath, [launcher, ...args], {
    cwd,
    stdio: ['ignore', full.fd, 'pipe'],
  })
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exitCode = await new Promise<number>((settle) => {
    child.on('close', (code) => settle(code ?? -1))
  })
  await full.close()
  return { exitCode, stderr }
}
