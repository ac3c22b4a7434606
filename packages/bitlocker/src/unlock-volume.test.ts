import { createHash } from 'node:crypto'

import { describe, expect, test } from 'vitest'

import { readRecoveryPasswords } from './read-recovery-passwords.ts'
import { readVolume } from './read-volume.ts'
import { formatRecoveryPassword, parseRecoveryPassword } from './recovery-password.ts'
import { parseStartupKey } from './startup-key.ts'
import { MemoryStorage } from './testing/memory-storage.ts'
import { slow } from './testing/slow.ts'
import {
  haveWindowsVolumes,
  loadStartupKeyFile,
  loadWindowsVolume,
  WINDOWS_VOLUMES,
} from './testing/windows-volumes.ts'
import { unlockVolume } from './unlock-volume.ts'
import { verifyProtectorEntry } from './verify-protector-entry.ts'

/** Well-formed, and of no volume. */
const WRONG_KEY = createHash('md5').update('no volume has this key').digest()

describe.skipIf(!haveWindowsVolumes)('unlockVolume on what Windows wrote', () => {
  test.concurrent.each(WINDOWS_VOLUMES)(
    '$name: every credential, through its own protector',
    async (from) => {
      const storage = new MemoryStorage(loadWindowsVolume(from.name))
      for (const [id, password] of from.passwords) {
        const recoveryKey = parseRecoveryPassword(password)
        const unlocked = await unlockVolume(storage, { type: 'recoveryPassword', recoveryKey })
        expect(unlocked?.protectorId).toBe(id)
        const all = await readRecoveryPasswords(storage, unlocked!)
        expect(
          all.map((one) => [one.protectorId, formatRecoveryPassword(one.recoveryKey)]),
        ).toEqual(from.passwords)
        unlocked?.dispose()
        const { protectors } = await readVolume(storage)
        for (const { entry } of protectors.filter(({ type }) => type === 'recoveryPassword')) {
          const own = entry === protectors.find((protector) => protector.id === id)!.entry
          expect(await verifyProtectorEntry(entry, recoveryKey)).toBe(own)
        }
      }
    },
  )

  const withPassphrase = WINDOWS_VOLUMES.filter(({ passphrase }) => passphrase !== undefined)
  test.concurrent.each(withPassphrase)('$name: the passphrase', async (from) => {
    const storage = new MemoryStorage(loadWindowsVolume(from.name))
    const credential = { type: 'password', password: from.passphrase! } as const
    using unlocked = await unlockVolume(storage, credential)
    expect(unlocked?.protectorId).toBe(from.protectors.find(([type]) => type === 'password')?.[1])
  })

  const withStartupKey = WINDOWS_VOLUMES.filter((from) => from.startupKeyFile !== undefined)
  test.each(withStartupKey)('$name: the startup key', async (from) => {
    const storage = new MemoryStorage(loadWindowsVolume(from.name))
    const startupKey = parseStartupKey(loadStartupKeyFile(from.startupKeyFile!))
    using unlocked = await unlockVolume(storage, { type: 'startupKey', startupKey })
    expect(unlocked?.protectorId).toBe(startupKey.protectorId)
    const other = { ...startupKey, key: startupKey.key.map((byte) => byte ^ 1) }
    expect(await unlockVolume(storage, { type: 'startupKey', startupKey: other })).toBeUndefined()
  })

  // The normal run takes those with one, two and no recovery passwords.
  const refusing = WINDOWS_VOLUMES.filter(({ name }) => slow || /4k|two|only/.test(name))
  test.concurrent.each(refusing)(
    '$name: a well-formed wrong password opens nothing',
    async (from) => {
      const storage = new MemoryStorage(loadWindowsVolume(from.name))
      const credential = { type: 'recoveryPassword', recoveryKey: WRONG_KEY } as const
      expect(await unlockVolume(storage, credential)).toBeUndefined()
    },
  )
})
