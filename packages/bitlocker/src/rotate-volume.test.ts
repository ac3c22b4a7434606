import { describe, expect, test, vi } from 'vitest'

import { addRecoveryPassword } from './add-recovery-password.ts'
import { createVolume } from './create-volume.ts'
import type { CreatedVolume } from './create-volume.ts'
import { encodeRegion } from './encode-region.ts'
import { readU32, writeU16, writeU64 } from './little-endian.ts'
import { NonceSource } from './nonce-source.ts'
import { readRecoveryPasswords } from './read-recovery-passwords.ts'
import { readMetadata, readVolume } from './read-volume.ts'
import { generateRecoveryKey, parseRecoveryPassword } from './recovery-password.ts'
import { removeProtectors } from './remove-protectors.ts'
import { repairVolume } from './repair-volume.ts'
import type { StartupKey } from './startup-key.ts'
import { MemoryStorage } from './testing/memory-storage.ts'
import {
  haveWindowsVolumes,
  loadWindowsVolume,
  WINDOWS_VOLUMES,
} from './testing/windows-volumes.ts'
import { slow } from './testing/slow.ts'
import { unlockVolume } from './unlock-volume.ts'
import { UnlockedVolume } from './unlocked-volume.ts'
import { latestNonceOf } from './validation.ts'
import type { VolumeError } from './volume-error.ts'

const MIB = 1_048_576

interface Template {
  readonly bytes: Uint8Array
  readonly created: CreatedVolume
}

/**
 * Volumes with one and with two recovery passwords; each test takes a copy, which costs no stretch.
 */
const templates = new Map<number, Promise<Template>>()

async function makeTemplate(passwords: number): Promise<Template> {
  const storage = new MemoryStorage(new Uint8Array(MIB))
  const recoveryPasswords = Array.from({ length: passwords }, () => ({}))
  const created = await createVolume(storage, { recoveryPasswords, startupKey: true })
  return { bytes: storage.bytes, created }
}

async function newVolume(passwords = 1) {
  const template = templates.get(passwords) ?? makeTemplate(passwords)
  templates.set(passwords, template)
  const { bytes, created } = await template
  const storage = new MemoryStorage(bytes.slice())
  const unlocked = await unlockWith(storage, created.startupKey!)
  return { storage, created, unlocked }
}

async function unlockWith(storage: MemoryStorage, startupKey: StartupKey): Promise<UnlockedVolume> {
  const unlocked = await unlockVolume(storage, { type: 'startupKey', startupKey })
  expect(unlocked).toBeDefined()
  return unlocked!
}

function opens(storage: MemoryStorage, recoveryKey: Uint8Array) {
  return unlockVolume(storage, { type: 'recoveryPassword', recoveryKey })
}

describe('rotation', () => {
  test('add, then remove: the new password opens the volume, the old one no longer', async () => {
    const { storage, created, unlocked } = await newVolume()
    const [old] = created.recoveryPasswords
    const before = await readVolume(storage)
    const added = await addRecoveryPassword(storage, unlocked)
    const between = await readVolume(storage)
    expect(between.protectors.map(({ id }) => id)).toEqual([
      ...before.protectors.map(({ id }) => id),
      added.protectorId,
    ])
    expect(between.protectors.slice(0, 2)).toEqual(before.protectors)
    expect((await opens(storage, old!.recoveryKey))?.protectorId).toBe(old!.protectorId)
    await removeProtectors(storage, unlocked, [old!.protectorId])
    const after = await readVolume(storage)
    expect(after).toEqual({
      ...between,
      protectors: between.protectors.filter(({ id }) => id !== old!.protectorId),
    })
    expect(await opens(storage, old!.recoveryKey)).toBeUndefined()
    expect((await opens(storage, added.recoveryKey))?.protectorId).toBe(added.protectorId)
    expect(await readRecoveryPasswords(storage, unlocked)).toEqual([added])
  })

  test('nothing of the removed protector is left anywhere on the volume', async () => {
    const { storage, created, unlocked } = await newVolume()
    const [, old] = (await readVolume(storage)).protectors
    const salt = old!.entry.subarray(36 + 34 + 12, 36 + 34 + 28)
    expect(occurrences(storage.bytes, salt)).toBe(3)
    await addRecoveryPassword(storage, unlocked)
    await removeProtectors(storage, unlocked, [created.recoveryPasswords[0]!.protectorId])
    expect(occurrences(storage.bytes, salt)).toBe(0)
  })

  test('a chosen ID and key are taken, and the same ID is refused a second time', async () => {
    const { storage, unlocked } = await newVolume()
    const chosen = {
      protectorId: '0f3c2a1b-0000-4000-8000-00000000abcd',
      recoveryKey: generateRecoveryKey(),
    }
    expect(await addRecoveryPassword(storage, unlocked, chosen)).toEqual(chosen)
    await expect(addRecoveryPassword(storage, unlocked, chosen)).rejects.toMatchObject({
      code: 'PROTECTOR_EXISTS',
      message: 'A protector with this ID is on the volume already',
    })
  })

  test('an abort before the first write changes nothing', async () => {
    const { storage, unlocked } = await newVolume()
    storage.log.length = 0
    const signal = AbortSignal.timeout(20)
    await expect(addRecoveryPassword(storage, unlocked, { signal })).rejects.toThrow('timeout')
    expect(storage.log).toEqual([])
  })

  test('changes in a row never repeat a nonce and never lose a protector', async () => {
    const { storage, created, unlocked } = await newVolume()
    let current = created.recoveryPasswords[0]!
    const counters: number[] = []
    const note = async () => counters.push(await validationCounter(storage))
    await note()
    for (let round = 0; round < (slow ? 10 : 2); round++) {
      const added = await addRecoveryPassword(storage, unlocked)
      await note()
      await removeProtectors(storage, unlocked, [current.protectorId])
      await note()
      current = added
    }
    const steps = counters.slice(1).map((counter, index) => counter - counters[index]!)
    // Three wrapped keys and the hash when adding, the hash when removing.
    expect(new Set(steps.filter((_, index) => index % 2 === 0))).toEqual(new Set([4]))
    expect(new Set(steps.filter((_, index) => index % 2 === 1))).toEqual(new Set([1]))
    expect(await readRecoveryPasswords(storage, unlocked)).toEqual([current])
    expect((await readVolume(storage)).protectors).toHaveLength(2)
  })

  test('a clock that is behind the volume does not bring a nonce time back', async () => {
    const { storage, unlocked } = await newVolume()
    await addRecoveryPassword(storage, unlocked)
    const { valid } = await readMetadata(storage)
    const latest = latestNonceOf(valid[0])
    vi.useFakeTimers({ now: new Date('2001-01-01T00:00:00Z'), toFake: ['Date'] })
    try {
      await addRecoveryPassword(storage, unlocked)
    } finally {
      vi.useRealTimers()
    }
    const { valid: after } = await readMetadata(storage)
    expect(latestNonceOf(after[0])).toBe(latest + 1n)
  })
})

describe('what rotation refuses, without writing a byte', () => {
  const refusal = async (storage: MemoryStorage, call: () => Promise<unknown>) => {
    storage.log.length = 0
    const failure: unknown = await call().catch((error: unknown) => error)
    const { code, message } = failure as VolumeError
    return { code, message, writes: storage.log.length }
  }

  test('the last recovery password, also together with its sisters', async () => {
    const { storage, created, unlocked } = await newVolume(2)
    const ids = created.recoveryPasswords.map(({ protectorId }) => protectorId)
    expect(await refusal(storage, () => removeProtectors(storage, unlocked, ids))).toEqual({
      code: 'PROTECTOR_KEPT',
      message: 'No working recovery password would remain on the volume: add a new one first',
      writes: 0,
    })
  })

  test('a protector that is no recovery password', async () => {
    const { storage, created, unlocked } = await newVolume()
    const id = created.startupKey!.protectorId
    expect(await refusal(storage, () => removeProtectors(storage, unlocked, [id]))).toEqual({
      code: 'PROTECTOR_KEPT',
      message: `Protector ${id} is not a recovery password: it stays`,
      writes: 0,
    })
  })

  test('an unknown protector', async () => {
    const { storage, unlocked } = await newVolume()
    const id = '00000000-0000-4000-8000-000000000000'
    expect(await refusal(storage, () => removeProtectors(storage, unlocked, [id]))).toEqual({
      code: 'PROTECTOR_NOT_FOUND',
      message: `The volume has no protector ${id}`,
      writes: 0,
    })
  })

  test('another volume than the one that was unlocked', async () => {
    const [one, other] = [await newVolume(1), await newVolume(2)]
    expect(
      await refusal(one.storage, () => addRecoveryPassword(one.storage, other.unlocked)),
    ).toEqual({
      code: 'VOLUME_CHANGED',
      message: 'This is not the volume that was unlocked',
      writes: 0,
    })
  })

  test('a locked-again volume', async () => {
    const { storage, unlocked } = await newVolume()
    unlocked.dispose()
    expect(await refusal(storage, () => addRecoveryPassword(storage, unlocked))).toEqual({
      code: 'VOLUME_CHANGED',
      message: 'The volume is locked again',
      writes: 0,
    })
  })

  /** What Windows could have written: authentic, in all three copies. */
  const rewrite = async (
    { storage, unlocked }: Awaited<ReturnType<typeof newVolume>>,
    change: (header: Uint8Array, entries: Uint8Array[]) => void,
  ) => {
    const { boot, valid } = await readMetadata(storage)
    const [source] = valid
    const header = source.region.slice(0, 112)
    const entries = source.datums.map(({ bytes }) => bytes.slice())
    change(header, entries)
    const nonces = new NonceSource({ counter: source.nextNonceCounter })
    const masterKey = UnlockedVolume.masterKeyOf(unlocked)
    const region = encodeRegion(header, entries, { masterKey, nonces })
    for (const offset of boot.metadataOffsets) storage.bytes.set(region, offset)
  }
  const refusals = async ({
    storage,
    created,
    unlocked,
  }: Awaited<ReturnType<typeof newVolume>>) => {
    const ids = [created.recoveryPasswords[0]!.protectorId]
    return [
      await refusal(storage, () => addRecoveryPassword(storage, unlocked)),
      await refusal(storage, () => removeProtectors(storage, unlocked, ids)),
    ]
  }
  const twice = <T>(one: T) => [one, one]

  test('a suspended volume: it holds a clear key', async () => {
    const volume = await newVolume(2)
    await rewrite(volume, (_header, entries) => {
      const startupKey = entries.find((entry) => entry[4] === 8 && entry[35] === 0x02)
      const clearKey = startupKey!.slice()
      clearKey[8]! ^= 1
      clearKey[35] = 0
      entries.push(clearKey)
    })
    const { protectors } = await readVolume(volume.storage)
    expect(protectors.map(({ type }) => type)).toContain('clearKey')
    expect(await refusals(volume)).toEqual(
      twice({
        code: 'VOLUME_SUSPENDED',
        message:
          'The protection of this volume is suspended (it holds a clear key): ' +
          'resume it in Windows first',
        writes: 0,
      }),
    )
  })

  test.each([
    [2, 4],
    [4, 1],
    [2, 1],
    [5, 4],
    [9, 9],
  ])('a volume in state %i, going to %i', async (current, next) => {
    const volume = await newVolume(2)
    await rewrite(volume, (header) => {
      writeU16(header, 12, current)
      writeU16(header, 14, next)
    })
    expect(await refusals(volume)).toEqual(
      twice({
        code: 'VOLUME_STATE',
        message: `Only a fully encrypted volume is changed; this one is in state ${current}, going to ${next}`,
        writes: 0,
      }),
    )
  })

  test('a metadata copy that sector 0 has in another place', async () => {
    const volume = await newVolume(2)
    const { boot } = await readMetadata(volume.storage)
    // Sector 0 leads to copies 0 and 1; copy 2 lies where only the metadata says.
    writeU64(volume.storage.bytes, 176 + 16, BigInt(boot.metadataOffsets[2] - 4096))
    const disagreement = {
      code: 'VOLUME_DAMAGED',
      message:
        'Sector 0 and the metadata disagree about where the metadata copies lie: nothing is written',
      writes: 0,
    }
    expect(await refusals(volume)).toEqual(twice(disagreement))
    expect(await refusal(volume.storage, () => repairVolume(volume.storage))).toEqual(disagreement)
  })

  test.skipIf(!haveWindowsVolumes)(
    'an encrypt-on-write conversion that is not finished',
    async () => {
      const from = WINDOWS_VOLUMES.find(({ frozen }) => frozen === 'encryptOnWrite')!
      const storage = new MemoryStorage(loadWindowsVolume(from.name))
      const unlocked = await opens(storage, parseRecoveryPassword(from.passwords[0]![1]))
      expect(await refusal(storage, () => addRecoveryPassword(storage, unlocked!))).toEqual({
        code: 'VOLUME_STATE',
        message:
          'The encryption of this volume is not finished (encrypt-on-write): let ' +
          'Windows finish it first',
        writes: 0,
      })
      expect(await refusal(storage, () => repairVolume(storage))).toEqual({
        code: 'VOLUME_STATE',
        message:
          'The encryption of this volume is not finished (encrypt-on-write): let ' +
          'Windows finish it first',
        writes: 0,
      })
    },
  )
})

/** The nonce counter of the validation datum: the last one that a change uses. */
async function validationCounter(storage: MemoryStorage): Promise<number> {
  const { valid } = await readMetadata(storage)
  const [{ region, blockSize, nextNonceCounter }] = valid
  const counter = readU32(region, blockSize + 8 + 16)
  expect(nextNonceCounter).toBe(counter + 1)
  return counter
}

function occurrences(bytes: Uint8Array, pattern: Uint8Array): number {
  const text = new TextDecoder('latin1')
  return text.decode(bytes).split(text.decode(pattern)).length - 1
}
