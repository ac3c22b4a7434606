import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, test } from 'vitest'

import { addRecoveryPassword } from './add-recovery-password.ts'
import { formatRecoveryPassword, parseRecoveryPassword } from './recovery-password.ts'
import { removeProtectors } from './remove-protectors.ts'
import {
  cryptsetupAccepts,
  dislockerDecrypts,
  haveCryptsetup,
  haveDislocker,
  writeSparseImage,
} from './testing/judges.ts'
import { MemoryStorage } from './testing/memory-storage.ts'
import { slow } from './testing/slow.ts'
import {
  haveWindowsVolumes,
  loadWindowsVolume,
  startupKeyPath,
  WINDOWS_VOLUMES,
} from './testing/windows-volumes.ts'
import { unlockVolume } from './unlock-volume.ts'

const folder = mkdtempSync(join(tmpdir(), 'keydesk-rotate-'))
afterAll(() => rmSync(folder, { recursive: true }))

const rotatable = WINDOWS_VOLUMES.filter(({ frozen }) => frozen === undefined)
const DECRYPTED_ALWAYS = new Set(['bitlk-aes-xts-128-4k', 'bitlk-aes-xts-128-startup-key'])
const judged = haveWindowsVolumes && (haveCryptsetup || haveDislocker)

describe.skipIf(!judged)('a rotated copy of a Windows-made volume', () => {
  test.each(rotatable)(
    '$name',
    async (from) => {
      const storage = new MemoryStorage(loadWindowsVolume(from.name))
      const [oldId, oldPassword] = from.passwords[0]!
      const unlocked = await unlockVolume(storage, {
        type: 'recoveryPassword',
        recoveryKey: parseRecoveryPassword(oldPassword),
      })
      const added = await addRecoveryPassword(storage, unlocked!)
      await removeProtectors(storage, unlocked!, [oldId])
      const password = formatRecoveryPassword(added.recoveryKey)
      const image = join(folder, `${from.name}.img`)
      writeSparseImage(image, storage.bytes)

      const others = from.passwords.slice(1).map(([, other]) => other)
      const passphrases = from.passphrase === undefined ? [] : [from.passphrase]
      const accepted = (candidate: string) => !haveCryptsetup || cryptsetupAccepts(image, candidate)
      expect([password, ...others, ...passphrases].map(accepted)).not.toContain(false)
      expect(haveCryptsetup && cryptsetupAccepts(image, oldPassword)).toBe(false)

      const output = join(folder, 'plain')
      // Where another recovery password comes first, dislocker 0.7 tries no other.
      const first = others[0] ?? password
      const byCopy = ([1, 2, 3] as const).map((copy) => ({ recoveryPassword: first, copy }))
      const credentials = [
        ...(slow ? byCopy : byCopy.slice(0, 1)),
        ...passphrases.map((passphrase) => ({ password: passphrase })),
        ...[from.startupKeyFile ?? []]
          .flat()
          .map((file) => ({ startupKeyFile: startupKeyPath(file) })),
      ]
      // Decrypting 100 MiB takes dislocker seconds: the normal run does it where something special
      // is.
      const decrypted =
        haveDislocker && (slow || DECRYPTED_ALWAYS.has(from.name)) ? credentials : []
      for (const credential of decrypted) {
        expect(dislockerDecrypts(image, credential, output)).toBe(true)
        expect(sha256(readFileSync(output))).toBe(from.plainHash)
      }
      expect(
        haveDislocker && dislockerDecrypts(image, { recoveryPassword: oldPassword }, output),
      ).toBe(false)
      rmSync(image)
    },
    120_000,
  )
})

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
