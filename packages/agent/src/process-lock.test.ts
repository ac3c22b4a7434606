import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { acquireProcessLock } from './process-lock.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keydesk-lock-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const HOLDER = `
  import { acquireProcessLock } from ${JSON.stringify(new URL('process-lock.ts', import.meta.url))}
  await acquireProcessLock(process.argv[1])
  process.stdout.write('held')
  setInterval(() => undefined, 1000)
`

test('a second agent on the same state file is told so, until the first lets go', async () => {
  const path = join(directory, 'agent.state')
  const lock = await acquireProcessLock(path)
  const second = acquireProcessLock(path)
  await expect(second).rejects.toMatchObject({ code: 'STATE_LOCKED' })
  await expect(second).rejects.toThrow('Another agent is using')
  await lock.release()
  await (await acquireProcessLock(path)).release()
})

test('another state file is another lock', async () => {
  const one = await acquireProcessLock(join(directory, 'one.state'))
  const two = await acquireProcessLock(join(directory, 'two.state'))
  expect(two).not.toBe(one)
  await Promise.all([one.release(), two.release()])
})

test('an agent that was killed leaves no lock behind', async () => {
  const path = join(directory, 'killed.state')
  const args = ['--input-type=module-typescript', '-e', HOLDER, path]
  const holder = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(holder.stdout, 'data')
  await expect(acquireProcessLock(path)).rejects.toMatchObject({ code: 'STATE_LOCKED' })
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  await (await acquireProcessLock(path)).release()
})
