import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, test } from 'vitest'

import { createVolume } from './create-volume.ts'
import type { CreatedVolume } from './create-volume.ts'
import { readRecoveryPasswords } from './read-recovery-passwords.ts'
import { readVolume } from './read-volume.ts'
import { formatRecoveryPassword, generateRecoveryKey } from './recovery-password.ts'
import { formatStartupKey, parseStartupKey } from './startup-key.ts'
import {
  cryptsetupAccepts,
  cryptsetupDump,
  dislockerDecrypts,
  dislockerDump,
  haveCryptsetup,
  haveDislocker,
} from './testing/judges.ts'
import { MemoryStorage } from './testing/memory-storage.ts'
import { unlockVolume } from './unlock-volume.ts'
import { planVolumeSize } from './volume-layout.ts'

const MIB = 1_048_576
const folder = mkdtempSync(join(tmpdir(), 'keydesk-create-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Not a file system, but nothing here looks inside one. */
const plaintext = new Uint8Array(randomBytes(3 * MIB + 512))

const SAME = { protectorId: '0f3c2a1b-0000-4000-8000-00000000abcd' }

const CASES = [
  { method: 'xts-aes-128', sectorSize: 512 },
  { method: 'xts-aes-256', sectorSize: 512 },
  { method: 'xts-aes-128', sectorSize: 4096 },
  { method: 'xts-aes-256', sectorSize: 4096 },
] as const

describe('createVolume', () => {
  test.each(CASES)('$method, $sectorSize byte sectors: reads back', async (options) => {
    const storage = new MemoryStorage(new Uint8Array(4 * MIB))
    const chosen = {
      protectorId: '0f3c2a1b-0000-4000-8000-00000000abcd',
      recoveryKey: generateRecoveryKey(),
    }
    const created = await createVolume(storage, {
      ...options,
      source: new MemoryStorage(plaintext),
      recoveryPasswords: [chosen, {}],
      startupKey: true,
      description: 'PC-042 C: 2026-11-22',
    })
    const volume = await readVolume(storage)
    expect(volume).toMatchObject({
      volumeId: created.volumeId,
      encryptionMethod: options.method,
      sectorSize: options.sectorSize,
      state: 'fullyEncrypted',
      description: 'PC-042 C: 2026-11-22',
      size: 4 * MIB,
    })
    expect(volume.metadata.every(({ valid }) => valid)).toBe(true)
    expect(volume.protectors.map(({ type, id }) => ({ type, id }))).toEqual([
      { type: 'startupKey', id: created.startupKey!.protectorId },
      { type: 'recoveryPassword', id: chosen.protectorId },
      { type: 'recoveryPassword', id: created.recoveryPasswords[1]!.protectorId },
    ])
    const startupKey = parseStartupKey(formatStartupKey(created.startupKey!))
    using unlocked = await unlockVolume(storage, { type: 'startupKey', startupKey })
    expect(await readRecoveryPasswords(storage, unlocked!)).toEqual(created.recoveryPasswords)
  })

  test.each([
    { options: { recoveryPasswords: [] }, message: 'A new volume has 1 to 16 recovery passwords' },
    {
      options: { description: 'x'.repeat(256) },
      message: 'The description has at most 255 characters',
    },
    {
      options: { volumeId: '{0F3C2A1B-0000-4000-8000-00000000ABCD}' },
      message: 'An ID must be a lower-case GUID without braces',
    },
    {
      options: { recoveryPasswords: [SAME, SAME] },
      message: 'Two recovery passwords have the same protector ID',
    },
  ])('$message', async ({ options, message }) => {
    const storage = new MemoryStorage(new Uint8Array(MIB))
    const refused = createVolume(storage, options)
    await expect(refused).rejects.toMatchObject({ code: 'VOLUME_OPTION', message })
    expect(storage.log).toEqual([])
  })

  test('sizes: the smallest possible, the given one, or a refusal', () => {
    expect(planVolumeSize({ sourceSize: 64 * MIB })).toBe(64 * MIB + 270_336)
    expect(planVolumeSize({ sourceSize: 1 })).toBe(MIB)
    expect(planVolumeSize({ size: 64 * MIB })).toBe(64 * MIB)
    type Wanted = Parameters<typeof planVolumeSize>[0]
    const refusal = (wanted: Wanted) => () => planVolumeSize(wanted)
    expect(refusal({})).toThrow('An empty volume needs a size')
    expect(refusal({ size: MIB - 512 })).toThrow(
      `${MIB - 512} bytes are too small for a volume: with the metadata behind it, ` +
        `${MIB} are needed`,
    )
    expect(refusal({ size: MIB + 512, sectorSize: 4096 })).toThrow(
      'The size must be a multiple of 4096 bytes',
    )
    expect(refusal({ size: 2 ** 47 })).toThrow(`A volume has at most ${2 ** 46} bytes`)
  })

  test('stopped in the middle it leaves no volume, not even the one that was there', async () => {
    const storage = new MemoryStorage(new Uint8Array(4 * MIB))
    await createVolume(storage)
    const control = new AbortController()
    const onProgress = () => control.abort()
    const stopped = createVolume(storage, { signal: control.signal, onProgress })
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
    await expect(readVolume(storage)).rejects.toMatchObject({ code: 'VOLUME_NOT_BITLOCKER' })
  })

  test('a volume smaller than its file system needs is refused with the right size', async () => {
    const storage = new MemoryStorage(new Uint8Array(3 * MIB))
    const source = new MemoryStorage(plaintext)
    const needed = planVolumeSize({ sourceSize: plaintext.length })
    await expect(createVolume(storage, { source })).rejects.toMatchObject({
      code: 'VOLUME_OPTION',
      message:
        `${3 * MIB} bytes are too small for a file system of ${plaintext.length} ` +
        `bytes: with the metadata behind it, ${needed} are needed`,
    })
    expect(storage.log).toEqual([])
  })
})

describe('created volumes before other judges', () => {
  interface Judged {
    image: string
    created: CreatedVolume
    password: string
  }
  /** Each case is made once, for both judges. */
  const made = new Map<string, Promise<Judged>>()
  const create = (options: (typeof CASES)[number]) => {
    const name = `${options.method}-${options.sectorSize}`
    const judged = made.get(name) ?? createImage(options, name)
    made.set(name, judged)
    return judged
  }
  const createImage = async (options: (typeof CASES)[number], name: string): Promise<Judged> => {
    const storage = new MemoryStorage(
      new Uint8Array(
        planVolumeSize({ sourceSize: plaintext.length, sectorSize: options.sectorSize }),
      ),
    )
    const source = new MemoryStorage(plaintext)
    const created = await createVolume(storage, { ...options, source, startupKey: true })
    const image = join(folder, `${name}.img`)
    writeFileSync(image, storage.bytes)
    const [first] = created.recoveryPasswords
    return { image, created, password: formatRecoveryPassword(first!.recoveryKey) }
  }
  const wrong = formatRecoveryPassword(generateRecoveryKey())

  test.skipIf(!haveCryptsetup).each(CASES)(
    'cryptsetup: $method, $sectorSize byte sectors',
    async (options) => {
      const { image, created, password } = await create(options)
      expect(cryptsetupDump(image)).toContain(created.volumeId)
      expect(cryptsetupAccepts(image, password)).toBe(true)
      expect(cryptsetupAccepts(image, wrong)).toBe(false)
    },
  )

  test.skipIf(!haveDislocker).each(CASES)(
    'dislocker: $method, $sectorSize byte sectors, the file system is intact',
    async (options) => {
      const { image, created, password } = await create(options)
      expect(dislockerDump(image).toLowerCase()).toContain(created.volumeId)
      const output = `${image}.plain`
      const startupKeyFile = `${image}.bek`
      writeFileSync(startupKeyFile, formatStartupKey(created.startupKey!))
      for (const credential of [{ recoveryPassword: password }, { startupKeyFile }]) {
        expect(dislockerDecrypts(image, credential, output)).toBe(true)
        const decrypted = readFileSync(output).subarray(0, plaintext.length)
        expect(sha256(decrypted)).toBe(sha256(plaintext))
      }
      expect(dislockerDecrypts(image, { recoveryPassword: wrong }, output)).toBe(false)
    },
  )

  test.skipIf(!haveDislocker)('an empty volume decrypts to zeros', async () => {
    const storage = new MemoryStorage(new Uint8Array(2 * MIB))
    const created = await createVolume(storage)
    const image = join(folder, 'empty.img')
    writeFileSync(image, storage.bytes)
    const password = formatRecoveryPassword(created.recoveryPasswords[0]!.recoveryKey)
    expect(dislockerDecrypts(image, { recoveryPassword: password }, `${image}.plain`)).toBe(true)
    const usable = readFileSync(`${image}.plain`).subarray(0, 2 * MIB - 270_336)
    expect(usable.every((byte) => byte === 0)).toBe(true)
  })
})

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
