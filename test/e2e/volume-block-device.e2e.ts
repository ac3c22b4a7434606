/**
 * `keydesk volume` on a real block device: a loop device over an image. Needs root and losetup, and
 * says so where it skips.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openVolumeFile } from '@keydesk/bitlocker/volume'
import { afterAll, describe, expect, test } from 'vitest'
import { runKeydesk, runVolumeJson } from './volume-process.ts'

const LOSETUP = 'losetup'

const cwd = mkdtempSync(join(tmpdir(), 'keydesk-device-'))
const { answer } = await runVolumeJson(
  ['create', 'pc.img', '--size', '3M', '--startup-key-out', 'pc.bek'],
  { cwd },
)
const created = answer as { volumeId: string; recoveryPassword: string }
writeFileSync(join(cwd, 'old.txt'), created.recoveryPassword)

const attached = spawnSync(LOSETUP, ['-f', '--show', join(cwd, 'pc.img')], { encoding: 'utf8' })
const device = attached.status === 0 ? attached.stdout.trim() : undefined
if (device === undefined) {
  const why = attached.error?.message ?? attached.stderr.trim()
  process.stderr.write(`SKIP: no loop device, so no block device is tried (${why})\n`)
}

afterAll(() => {
  if (device !== undefined) execFileSync(LOSETUP, ['-d', device])
  rmSync(cwd, { recursive: true })
})

const startupKey = ['--startup-key', 'pc.bek']

describe.skipIf(device === undefined)('a block device', () => {
  test('has its own size, and its bytes are read', async () => {
    await using file = await openVolumeFile(device!, { access: 'read' })
    expect(file.size).toBe(3 * 2 ** 20)
    expect((await file.read(file.size - 512, 512)).length).toBe(512)
    await expect(file.read(file.size, 1)).rejects.toMatchObject({ code: 'VOLUME_IO' })
  })

  test('is inspected and verified', async () => {
    const inspected = await runVolumeJson(['inspect', device!], { cwd })
    expect(inspected).toMatchObject({ exitCode: 0, answer: { volumeId: created.volumeId } })
    const password = ['--recovery-password-file', 'old.txt']
    for (const credential of [startupKey, password]) {
      const verified = await runVolumeJson(['verify', device!, ...credential], { cwd })
      expect(verified).toMatchObject({ exitCode: 0, answer: { unlocks: true } })
    }
  })

  test('is written by one at a time, and its image file is not written behind its back', async () => {
    const behind = await runKeydesk(['volume', 'repair', 'pc.img'], { cwd })
    expect(behind).toMatchObject({ exitCode: 2, stdout: '' })
    expect(behind.stderr).toBe(
      `keydesk: pc.img is in use: it is attached as ${device!}. Release it first.\n`,
    )
    {
      await using _writer = await openVolumeFile(device!, { access: 'write' })
      const second = await runVolumeJson(['rotate', device!, ...startupKey], { cwd })
      expect(second.exitCode).toBe(2)
      expect(JSON.parse(second.stderr)).toMatchObject({ error: { code: 'VOLUME_IN_USE' } })
    }
    const rotated = await runVolumeJson(['rotate', device!, ...startupKey], { cwd })
    const { added } = rotated.answer as { added: { recoveryPassword: string } }
    writeFileSync(join(cwd, 'new.txt'), added.recoveryPassword)
    const verify = (file: string) =>
      runVolumeJson(['verify', device!, '--recovery-password-file', file], { cwd })
    expect(await verify('new.txt')).toMatchObject({ exitCode: 0 })
    expect(await verify('old.txt')).toMatchObject({ exitCode: 1 })
  })
})
