/**
 * Proof: a stored key is tried on the entry that the device read from its disk. Real BitLocker
 * metadata, made by our own writer; that writer is judged by cryptsetup and dislocker elsewhere.
 */

import { randomBytes } from 'node:crypto'
import { createVolume, readVolume, type VolumeStorage } from '@keydesk/bitlocker/volume'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestService } from '../testing/test-service.ts'
import { volumeWith, type TestDevice, type TestProtector } from '../testing/test-device.ts'
import { proveNextKey } from './prove-next-key.ts'

let service: TestService
let device: TestDevice
beforeAll(async () => {
  service = await TestService.start()
  device = await service.device()
})
afterAll(async () => service[Symbol.asyncDispose]())

/** A volume in memory; only what is written takes space. */
function memoryStorage(size: number): VolumeStorage {
  const bytes = new Uint8Array(size)
  return {
    size,
    read: async (offset, length) => bytes.slice(offset, offset + length),
    write: async (offset, data) => {
      bytes.set(data, offset)
    },
    sync: async () => undefined,
  }
}

/** Two recovery passwords of one real volume, with their on-disk entries. */
async function realVolume(): Promise<(TestProtector & { entry: string })[]> {
  const storage = memoryStorage(8 * 1024 * 1024)
  const { volumeId, recoveryPasswords } = await createVolume(storage, {
    recoveryPasswords: [{}, {}],
  })
  const { protectors } = await readVolume(storage)
  return recoveryPasswords.map(({ protectorId, recoveryKey }) => {
    const { entry } = protectors.find(({ id }) => id === protectorId)!
    const text = Buffer.from(entry).toString('base64url')
    return { volumeId, protectorId, recoveryKey, entry: text }
  })
}

const proofOf = async (protectorId: string): Promise<string | undefined> =>
  (await service.detail(device.deviceId)).keys.find(
    ({ recoveryKeyId }) => recoveryKeyId === protectorId,
  )?.proof

async function proveAll(): Promise<void> {
  while (await proveNextKey(service.deps));
}

const lastProof = async (protectorId: string) =>
  (await service.auditEntries()).findLast(
    ({ action, recoveryKeyId }) => action === 'key.prove' && recoveryKeyId === protectorId,
  )

describe('a stored key', () => {
  test('that unwraps the master key of its entry is verified', async () => {
    const [protector] = await realVolume()
    await device.escrow(protector!, { protectorEntry: protector!.entry })
    expect(await proofOf(protector!.protectorId)).toBe('pending')
    await proveAll()
    expect(await proofOf(protector!.protectorId)).toBe('verified')
    expect(await lastProof(protector!.protectorId)).toMatchObject({
      outcome: 'success',
      actor: { type: 'system' },
      detail: { proof: 'verified' },
    })
  })

  test('that does not is a mismatch: kept, audited, and to be replaced at once', async () => {
    const [protector] = await realVolume()
    const wrong = { ...protector!, recoveryKey: randomBytes(16) }
    await device.escrow(wrong, { protectorEntry: protector!.entry })
    await proveAll()
    expect(await proofOf(wrong.protectorId)).toBe('mismatch')
    expect(await lastProof(wrong.protectorId)).toMatchObject({
      outcome: 'failed',
      detail: { proof: 'mismatch' },
    })
    const answer = await device.report([volumeWith(wrong.volumeId, [wrong])])
    expect(answer.actions).toMatchObject([
      { protectorId: wrong.protectorId, trigger: 'mismatch', type: 'rotateRecoveryPassword' },
    ])
    expect(answer.keys).toContainEqual({
      volumeId: wrong.volumeId,
      protectorId: wrong.protectorId,
      proof: 'mismatch',
    })
  })

  test('without an entry is attested, until a check-in brings one', async () => {
    const [protector] = await realVolume()
    await device.escrow(protector!)
    expect(await proofOf(protector!.protectorId)).toBe('attested')
    const { protectorId, volumeId, entry } = protector!
    const listed = { id: protectorId, type: 'recoveryPassword' as const, entry }
    const answer = await device.report([volumeWith(volumeId, [listed])])
    expect(answer.keys.find((key) => key.protectorId === protectorId)?.proof).toBe('pending')
    await proveAll()
    expect(await proofOf(protectorId)).toBe('verified')
  })
})

describe('an entry that says nothing about the key leaves it attested', () => {
  test.each([
    ['that is garbage', 'AAAA', 'PROTECTOR_ENTRY'],
    ['of random bytes', randomBytes(300).toString('base64url'), 'PROTECTOR_ENTRY'],
  ])('%s', async (_, protectorEntry, code) => {
    const protector = device.protector()
    expect((await device.escrow(protector, { protectorEntry })).statusCode).toBe(201)
    await proveAll()
    expect(await proofOf(protector.protectorId)).toBe('attested')
    expect(await lastProof(protector.protectorId)).toMatchObject({
      outcome: 'failed',
      detail: { proof: 'attested', code },
    })
  })

  test('that is of another protector', async () => {
    const [one, two] = await realVolume()
    await device.escrow(one!, { protectorEntry: two!.entry })
    await proveAll()
    expect(await proofOf(one!.protectorId)).toBe('attested')
    expect(await lastProof(one!.protectorId)).toMatchObject({
      detail: { code: 'ENTRY_OF_ANOTHER_PROTECTOR' },
    })
  })
})

describe('the queue', () => {
  test('gives each proof to one worker', async () => {
    const [one, two] = await realVolume()
    await device.escrow(one!, { protectorEntry: one!.entry })
    await device.escrow(two!, { protectorEntry: two!.entry })
    const worked = await Promise.all(Array.from({ length: 4 }, () => proveNextKey(service.deps)))
    expect(worked.filter(Boolean)).toHaveLength(2)
    for (const { protectorId } of [one!, two!]) {
      const entries = await service.auditEntries()
      const proofs = entries.filter(
        ({ action, recoveryKeyId }) => action === 'key.prove' && recoveryKeyId === protectorId,
      )
      expect(proofs).toHaveLength(1)
    }
  })

  test('is fair: the first of one device goes before the second of another', async () => {
    await using own = await TestService.start()
    const [many, one] = [await own.device(), await own.device()]
    const names = new Map<string, string>()
    const escrow = async (of: TestDevice, name: string) => {
      const protector = of.protector()
      names.set(protector.protectorId, name)
      await of.escrow(protector, { protectorEntry: 'AAAA' })
      own.deps.clock.advance(1)
    }
    for (const name of ['many 1', 'many 2', 'many 3']) await escrow(many, name)
    await escrow(one, 'one 1')
    while (await proveNextKey(own.deps));
    const order = (await own.auditEntries())
      .filter(({ action }) => action === 'key.prove')
      .map(({ recoveryKeyId }) => names.get(recoveryKeyId ?? ''))
    expect(order).toEqual(['many 1', 'one 1', 'many 2', 'many 3'])
  })

  test('takes up what a dead worker let go of, and gives up after five of them', async () => {
    const protector = device.protector()
    await device.escrow(protector, { protectorEntry: 'AAAA' })
    const row = () => service.deps.db.selectFrom('key_proof').selectAll().executeTakeFirst()
    const abort = AbortSignal.abort(new Error('the worker dies'))
    const [real] = await realVolume()
    await device.escrow(real!, { protectorEntry: real!.entry })
    await proveNextKey(service.deps)
    for (let death = 1; death <= 5; death += 1) {
      await expect(proveNextKey(service.deps, abort)).rejects.toThrow('the worker dies')
      // Not yet let go of.
      expect(await proveNextKey(service.deps)).toBe(false)
      expect((await row())?.attempts).toBe(death)
      service.deps.clock.advance(61)
    }
    expect(await proveNextKey(service.deps)).toBe(true)
    expect(await row()).toBeUndefined()
    expect(await lastProof(real!.protectorId)).toMatchObject({
      detail: { proof: 'attested', code: 'TOO_MANY_ATTEMPTS' },
    })
  })
})
