/** One writer per volume: who comes second is told so, and readers are not disturbed. */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { makeNamedPipe, runKeydesk, runVolumeJson, startKeydesk } from './volume-process.ts'

const cwd = await mkdtemp(join(tmpdir(), 'keydesk-lock-'))
afterAll(() => rm(cwd, { recursive: true }))

test('while a rotation has the volume, another writer is refused and readers go on', async () => {
  const create = ['create', 'pc.img', '--size', '1M', '--startup-key-out', 'pc.bek']
  await runVolumeJson(create, { cwd })
  makeNamedPipe(join(cwd, 'pipe'))
  const rotate = ['volume', 'rotate', 'pc.img']
  const first = startKeydesk([...rotate, '--recovery-password-file', 'pipe'], { cwd })
  await using _silent = await open(join(cwd, 'pipe'), 'w')

  const refusal = 'keydesk: Another Keydesk process is changing this volume.\n'
  for (const args of [
    [...rotate, '--startup-key', 'pc.bek'],
    ['volume', 'repair', 'pc.img'],
    ['volume', 'create', 'pc.img', '--size', '1M', '--force'],
  ]) {
    const second = await runKeydesk(args, { cwd })
    expect(second).toEqual({ exitCode: 2, signal: null, stdout: '', stderr: refusal })
  }
  expect(await runVolumeJson(['inspect', 'pc.img'], { cwd })).toMatchObject({ exitCode: 0 })
  const verify = ['verify', 'pc.img', '--startup-key', 'pc.bek']
  expect(await runVolumeJson(verify, { cwd })).toMatchObject({ exitCode: 0 })

  // However the first one ends, its lock is gone with it.
  first.kill('SIGKILL')
  await first.outcome
  expect(await runVolumeJson(['repair', 'pc.img'], { cwd })).toMatchObject({ exitCode: 0 })
})
