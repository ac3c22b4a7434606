import { crc32 } from 'node:zlib'

import { beforeAll, describe, expect, test } from 'vitest'

import { createVolume } from './create-volume.ts'
import type { CreatedVolume } from './create-volume.ts'
import { writeU32 } from './little-endian.ts'
import { readMetadata, readVolume } from './read-volume.ts'
import { repairVolume } from './repair-volume.ts'
import { MemoryStorage } from './testing/memory-storage.ts'
import { unlockVolume } from './unlock-volume.ts'

/** One stretch for the whole file: the tests damage copies of one volume. */
let pristine: Uint8Array
let created: CreatedVolume
let offsets: readonly number[]
let blockSize: number

beforeAll(async () => {
  const storage = new MemoryStorage(new Uint8Array(1_048_576))
  created = await createVolume(storage, { startupKey: true })
  pristine = storage.bytes
  const { boot, valid } = await readMetadata(storage)
  offsets = boot.metadataOffsets
  ;[{ blockSize }] = valid
}, 30_000)

const fresh = () => new MemoryStorage(pristine.slice())
const startupKey = () => ({ type: 'startupKey', startupKey: created.startupKey! }) as const
const recoveryKey = () =>
  ({ type: 'recoveryPassword', recoveryKey: created.recoveryPasswords[0]!.recoveryKey }) as const

/** Changes one byte of a block and makes the checksum fit, as anyone can. */
function tamper(storage: MemoryStorage, index: number, at: number): void {
  const offset = offsets[index]!
  const block = storage.bytes.subarray(offset, offset + blockSize)
  block[at]! ^= 1
  writeU32(storage.bytes, offset + blockSize + 4, crc32(block))
}

/**
 * The time in the description's neighbour, the volume's creation: harmless, and covered by the
 * hash.
 */
const CREATED_AT = 104

describe('metadata that does not belong to its key', () => {
  test('tampered in all copies: the right key is told so, in no uncertain words', async () => {
    const storage = fresh()
    for (const index of [0, 1, 2]) tamper(storage, index, CREATED_AT)
    expect((await readVolume(storage)).metadata.every(({ valid }) => valid)).toBe(true)
    await expect(unlockVolume(storage, startupKey())).rejects.toMatchObject({
      code: 'VOLUME_NOT_AUTHENTIC',
      message:
        'The metadata of this volume was changed without its key, or is damaged: its ' +
        'protected hash does not match',
    })
  })

  test('tampered in one or two copies: the volume opens through another', async () => {
    for (const tampered of [[0], [1], [2], [0, 1], [1, 2], [0, 2]]) {
      const storage = fresh()
      for (const index of tampered) tamper(storage, index, CREATED_AT)
      using unlocked = await unlockVolume(storage, startupKey())
      expect(unlocked?.protectorId).toBe(created.startupKey!.protectorId)
    }
  })

  test('a larger nonce counter and a good checksum do not win over a wrong hash', async () => {
    const storage = fresh()
    tamper(storage, 0, 99)
    using unlocked = await unlockVolume(storage, recoveryKey())
    expect(unlocked?.protectorId).toBe(created.recoveryPasswords[0]!.protectorId)
  })
})

describe('unlocking', () => {
  test('works through each copy alone', async () => {
    for (const survivor of [0, 1, 2]) {
      const storage = fresh()
      for (const index of [0, 1, 2].filter((other) => other !== survivor)) {
        storage.bytes.fill(0, offsets[index], offsets[index]! + 512)
      }
      using unlocked = await unlockVolume(storage, startupKey())
      expect(unlocked?.volumeId).toBe(created.volumeId)
    }
  })

  test('tries the named protector only', async () => {
    const { protectorId } = created.recoveryPasswords[0]!
    using unlocked = await unlockVolume(fresh(), recoveryKey(), { protectorId })
    expect(unlocked?.protectorId).toBe(protectorId)
    const other = { protectorId: created.startupKey!.protectorId }
    await expect(unlockVolume(fresh(), recoveryKey(), other)).rejects.toMatchObject({
      code: 'PROTECTOR_NOT_FOUND',
      message: 'The volume has no such protector of this type',
    })
  })

  test('reports progress and can be stopped', async () => {
    const fractions: number[] = []
    const onProgress = (fraction: number) => fractions.push(fraction)
    using unlocked = await unlockVolume(fresh(), recoveryKey(), { onProgress })
    expect(unlocked).toBeDefined()
    expect(fractions.length).toBeGreaterThan(1)
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b))
    const signal = AbortSignal.timeout(10)
    const stopped = unlockVolume(fresh(), recoveryKey(), { signal })
    await expect(stopped).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  test('never prints its key', async () => {
    using unlocked = await unlockVolume(fresh(), startupKey())
    const { inspect } = await import('node:util')
    expect(Object.keys(JSON.parse(JSON.stringify(unlocked)) as object)).toEqual([
      'volumeId',
      'protectorId',
    ])
    expect(inspect(unlocked, { showHidden: true, depth: 9 })).not.toContain('Uint8Array')
  })

  test('neither reading nor unlocking writes', async () => {
    const storage = fresh()
    await readVolume(storage)
    using unlocked = await unlockVolume(storage, startupKey())
    expect(unlocked).toBeDefined()
    await repairVolume(storage)
    expect(storage.log).toEqual([])
  })
})
