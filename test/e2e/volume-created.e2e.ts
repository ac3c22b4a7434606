/**
 * What `keydesk volume create` and `rotate` make, before judges that we did not write: cryptsetup
 * and dislocker, every metadata copy by itself, and the file system's own check where it is there.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  cryptsetupAccepts,
  cryptsetupDump,
  dislockerDecrypts,
  dislockerDump,
  haveCryptsetup,
  haveDislocker,
  type DislockerCredential,
} from '../../packages/bitlocker/src/testing/judges.ts'
import { runVolumeJson } from './volume-process.ts'

interface Created {
  readonly volumeId: string
  readonly recoveryPassword: string
}
interface Rotated {
  readonly added: { readonly id: string; readonly recoveryPassword: string }
}

const KIB = 1_024
const MAKE_FAT = 'mkfs.vfat'
const CHECK_FAT = 'fsck.vfat'
const env = { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }
const cwd = await mkdtemp(join(tmpdir(), 'keydesk-created-'))
afterAll(() => rm(cwd, { recursive: true }))

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** A FAT file system with a file in it; random bytes where there is no mkfs.vfat. */
function makePlain(path: string): { isFileSystem: boolean; bytes: Buffer } {
  const made = spawnSync(MAKE_FAT, ['-C', path, '2048'], { env })
  const isFileSystem = made.status === 0
  if (!isFileSystem) {
    process.stderr.write('SKIP: mkfs.vfat is not on this machine, so random bytes stand in\n')
    writeFileSync(path, randomBytes(2048 * KIB))
  }
  return { isFileSystem, bytes: readFileSync(path) }
}

describe.each(['xts-aes-128', 'xts-aes-256'])('a volume made with %s', async (method) => {
  const plainPath = join(cwd, `${method}.plain`)
  const plain = makePlain(plainPath)
  const image = join(cwd, `${method}.img`)
  const startupKeyFile = join(cwd, `${method}.bek`)
  const { answer } = await runVolumeJson(
    ['create', image, '--from', plainPath, '--method', method, '--startup-key-out', startupKeyFile],
    { cwd },
  )
  const created = answer as Created
  const output = join(cwd, `${method}.out`)

  const decrypts = (credential: DislockerCredential): string | undefined => {
    if (!dislockerDecrypts(image, credential, output)) return undefined
    return sha256(readFileSync(output).subarray(0, plain.bytes.length))
  }

  test('does not show its plaintext', () => {
    const encrypted = readFileSync(image)
    for (let at = 0; at < plain.bytes.length; at += 512) {
      const sector = plain.bytes.subarray(at, at + 512)
      if (sector.every((byte) => byte === 0)) continue
      expect(encrypted.includes(sector)).toBe(false)
    }
    expect(sha256(readFileSync(plainPath))).toBe(sha256(plain.bytes))
  })

  test.skipIf(!haveCryptsetup)('is what cryptsetup takes for BitLocker', () => {
    const dump = cryptsetupDump(image)
    expect(dump).toContain(created.volumeId)
    expect(dump).toMatch(/Cipher mode:\s+xts-plain64/)
    expect(cryptsetupAccepts(image, created.recoveryPassword)).toBe(true)
  })

  test.skipIf(!haveDislocker)('decrypts to its file system in dislocker', () => {
    expect(dislockerDump(image).toLowerCase()).toContain(created.volumeId)
    const { recoveryPassword } = created
    for (const credential of [{ recoveryPassword }, { startupKeyFile }]) {
      expect(decrypts(credential)).toBe(sha256(plain.bytes))
    }
    if (plain.isFileSystem) execFileSync(CHECK_FAT, ['-n', output], { env })
  })

  describe('after a rotation', () => {
    const old = created.recoveryPassword
    let recoveryPassword = ''
    beforeAll(async () => {
      const rotate = ['rotate', image, '--startup-key', startupKeyFile]
      const rotated = (await runVolumeJson(rotate, { cwd })).answer as Rotated
      recoveryPassword = rotated.added.recoveryPassword
    })

    test('refuses the old password', async () => {
      const args = ['verify', image, '--recovery-password-file', '-']
      expect(await runVolumeJson(args, { cwd, input: old })).toMatchObject({ exitCode: 1 })
    })

    test.skipIf(!haveCryptsetup)('takes only the new password in cryptsetup', () => {
      expect(cryptsetupAccepts(image, recoveryPassword)).toBe(true)
      expect(cryptsetupAccepts(image, old)).toBe(false)
    })

    test.skipIf(!haveDislocker)('takes only the new one in dislocker, by every copy', () => {
      for (const copy of [1, 2, 3] as const) {
        expect(decrypts({ recoveryPassword, copy })).toBe(sha256(plain.bytes))
        expect(decrypts({ recoveryPassword: old, copy })).toBeUndefined()
      }
      expect(decrypts({ startupKeyFile })).toBe(sha256(plain.bytes))
    })
  })
})
