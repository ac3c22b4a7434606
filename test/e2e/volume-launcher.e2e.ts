/**
 * `keydesk` starts with whatever Node the machine has, from wherever it is called: everything
 * passes through the launcher.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeNamedPipe, runKeydesk, startKeydesk } from './volume-process.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const WRONG = '235818-357951-253979-013365-241120-245575-342914-591910'

const cwd = await mkdtemp(join(tmpdir(), 'keydesk-launcher-'))
afterAll(() => rm(cwd, { recursive: true }))
beforeAll(async () => {
  await runKeydesk(['volume', 'create', 'pc.img', '--size', '1M'], { cwd })
})

/** A Node from 20 on that is too old to run TypeScript. */
function findOldNode(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin']
  return folders
    .map((folder) => join(folder, 'node'))
    .filter((path) => existsSync(path))
    .find((path) => {
      const major = Number(/^v(\d+)/.exec(execFileSync(path, ['-v'], { encoding: 'utf8' }))?.[1])
      return major >= 20 && major < 24
    })
}

const oldNode = findOldNode()
if (oldNode === undefined) {
  process.stderr.write('SKIP: no Node 20 to 23 on this machine to start the launcher with\n')
}

test('npx keydesk works in the checkout', () => {
  const args = ['--no', 'keydesk', 'volume', 'inspect', join(cwd, 'pc.img'), '--json']
  const shell = process.platform === 'win32'
  const { status, stdout } = spawnSync('npx', args, { cwd: ROOT, encoding: 'utf8', shell })
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ state: 'fullyEncrypted' })
})

describe.skipIf(oldNode === undefined)('started with an older Node', () => {
  const node = oldNode ?? ''

  test('arguments, input, output and exit code pass through', async () => {
    const args = ['volume', 'verify', 'pc.img', '--recovery-password-file', '-', '--json']
    expect(await runKeydesk(args, { cwd, input: WRONG, node })).toEqual({
      exitCode: 1,
      signal: null,
      stdout: '{"unlocks":false}\n',
      stderr: '',
    })
    const refused = await runKeydesk(['volume', 'inspect', 'no where.img'], { cwd, node })
    expect(refused).toMatchObject({
      exitCode: 2,
      stderr: 'keydesk: no where.img does not exist.\n',
    })
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('%s passes through', async (signal) => {
    const pipe = join(cwd, signal)
    makeNamedPipe(pipe)
    const args = ['volume', 'verify', 'pc.img', '--recovery-password-file', pipe]
    const command = startKeydesk(args, { cwd, node })
    await using _silent = await open(pipe, 'w')
    command.kill(signal)
    expect(await command.outcome).toEqual({
      exitCode: null,
      signal,
      stdout: '',
      stderr: 'keydesk: Interrupted.\n',
    })
  })
})
