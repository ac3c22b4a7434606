/**
 * Hostile volumes: whatever the bytes are, the reader ends with a volume or a coded error, soon and
 * without taking memory. 2,000 mutations in the normal run, 20,000 with SLOW=1; a failure prints
 * its seed, FUZZ_SEED=… repeats it.
 */
import { randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'

import { createVolume } from './create-volume.ts'
import { readU16, writeU16, writeU32, writeU64 } from './little-endian.ts'
import { readRecoveryPasswords } from './read-recovery-passwords.ts'
import { readMetadata, readVolume } from './read-volume.ts'
import { repairVolume } from './repair-volume.ts'
import { parseStartupKey } from './startup-key.ts'
import type { StartupKey } from './startup-key.ts'
import { MemoryStorage } from './testing/memory-storage.ts'
import { SparseStorage } from './testing/sparse-storage.ts'
import { slow } from './testing/slow.ts'
import {
  haveWindowsVolumes,
  loadWindowsVolume,
  WINDOWS_VOLUMES,
} from './testing/windows-volumes.ts'
import { unlockVolume } from './unlock-volume.ts'
import { UnlockedVolume } from './unlocked-volume.ts'
import { verifyProtectorEntry } from './verify-protector-entry.ts'
import { VolumeError } from './volume-error.ts'
import type { VolumeStorage } from './volume-storage.ts'
import { METADATA_REGION_SIZE } from './metadata-copy.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31))
const runs = slow ? 20_000 : 2_000
/** "Within milliseconds", with room for a busy machine. */
const MAX_MILLISECONDS = 250
process.stderr.write(`hostile volumes: FUZZ_SEED=${seed}\n`)

/** The parts of a volume that the reader looks at. */
interface Sample {
  readonly name: string
  readonly size: number
  readonly boot: Uint8Array
  readonly offsets: readonly number[]
  readonly region: Uint8Array
}

const samples: Sample[] = []
let startupKey: StartupKey

beforeAll(async () => {
  for (const sectorSize of [512, 4096] as const) {
    const storage = new MemoryStorage(new Uint8Array(1_048_576))
    const created = await createVolume(storage, { startupKey: true, sectorSize })
    startupKey = created.startupKey!
    samples.push(await sampleOf(`created-${sectorSize}`, storage))
  }
  if (!haveWindowsVolumes) return
  for (const { name } of WINDOWS_VOLUMES) {
    samples.push(await sampleOf(name, new MemoryStorage(loadWindowsVolume(name))))
  }
}, 120_000)

async function sampleOf(name: string, storage: MemoryStorage): Promise<Sample> {
  const { boot, valid } = await readMetadata(storage)
  return {
    name,
    size: storage.size,
    boot: storage.bytes.slice(0, 512),
    offsets: boot.metadataOffsets,
    region: valid[0].region.slice(),
  }
}

/** One thing that happens to the metadata; without `copy`, to all three copies alike. */
type Mutation =
  | { kind: 'byte'; at: number; value: number; copy?: number | undefined }
  | { kind: 'word'; at: number; value: number; copy?: number | undefined }
  | { kind: 'bootByte'; at: number; value: number }
  | { kind: 'bootOffset'; copy: number; value: bigint }
  | { kind: 'cut'; size: number }
  | { kind: 'move'; from: number; to: number; length: number; copy?: number | undefined }

const INTERESTING = [0, 1, 7, 8, 9, 35, 36, 37, 0x7fff, 0x8000, 0xfff0, 0xffff]
/** Most of what matters lies in the first 2 KiB. */
const place = fc.oneof(fc.nat(2048), fc.nat(METADATA_REGION_SIZE - 8))
const word = fc.oneof(fc.constantFrom(...INTERESTING), fc.nat(0xffff))

const oneCopy = fc.option(fc.nat(2), { nil: undefined })

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant('byte'), at: place, value: fc.nat(255), copy: oneCopy }),
  fc.record({ kind: fc.constant('word'), at: place, value: word, copy: oneCopy }),
  fc.record({ kind: fc.constant('bootByte'), at: fc.nat(511), value: fc.nat(255) }),
  fc.record({
    kind: fc.constant('bootOffset'),
    copy: fc.nat(2),
    value: fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 2n ** 21n)),
  }),
  fc.record({ kind: fc.constant('cut'), size: fc.oneof(fc.nat(1024), fc.nat(2 ** 27)) }),
  fc.record({
    kind: fc.constant('move'),
    from: place,
    to: place,
    length: fc.nat(600),
    copy: oneCopy,
  }),
)

function apply(sample: Sample, mutations: readonly Mutation[], honestChecksum: boolean) {
  const boot = sample.boot.slice()
  let { size } = sample
  for (const one of mutations) {
    if (one.kind === 'bootByte') boot[one.at] = one.value
    if (one.kind === 'bootOffset') writeU64(boot, 176 + 8 * one.copy, one.value)
    if (one.kind === 'cut') size = one.size
  }
  const parts = sample.offsets.map((offset, index) => {
    const own = mutations.filter((one) => !('copy' in one) || (one.copy ?? index) === index)
    return { offset, bytes: mutatedRegion(sample.region, own, honestChecksum) }
  })
  return new SparseStorage(size, [{ offset: 0, bytes: boot }, ...parts])
}

function mutatedRegion(
  original: Uint8Array,
  mutations: readonly Mutation[],
  honestChecksum: boolean,
): Uint8Array {
  const region = original.slice()
  for (const one of mutations) {
    if (one.kind === 'byte') region[one.at] = one.value
    if (one.kind === 'word') writeU16(region, one.at, one.value)
    if (one.kind === 'move') region.copyWithin(one.to, one.from, one.from + one.length)
  }
  const block = readU16(region, 8) * 16
  // An attacker can compute a CRC-32: without this nearly every run would end at the first check.
  if (honestChecksum && block <= METADATA_REGION_SIZE - 8) {
    writeU32(region, block + 4, crc32(region.subarray(0, block)))
  }
  return region
}

/**
 * A VolumeError and a result are both fine; what else was thrown, or how long it took, is a fault.
 */
async function faultOf(call: () => Promise<unknown>): Promise<unknown> {
  const start = process.cpuUsage()
  try {
    await call()
  } catch (error) {
    if (!(error instanceof VolumeError)) return error
  }
  const { user } = process.cpuUsage(start)
  return user > 1000 * MAX_MILLISECONDS ? `took ${Math.round(user / 1000)} ms` : undefined
}

/**
 * All that works without a stretch: reading, a dry repair, a startup key, reading passwords back.
 */
async function allFaults(storage: VolumeStorage): Promise<unknown[]> {
  const calls = [
    () => readVolume(storage),
    () => repairVolume(storage, { dryRun: true }),
    async () => {
      using unlocked = await unlockVolume(storage, { type: 'startupKey', startupKey })
      if (unlocked) await readRecoveryPasswords(storage, unlocked)
    },
    async () => {
      const { volumeId } = await readVolume(storage)
      const masterKey = new Uint8Array(32)
      using forged = new UnlockedVolume({ volumeId, protectorId: volumeId, masterKey })
      await readRecoveryPasswords(storage, forged)
    },
  ]
  const faults: unknown[] = []
  for (const call of calls) faults.push(await faultOf(call))
  return faults.filter((fault) => fault !== undefined)
}

describe('hostile volumes', () => {
  test(`${runs} mutations of real metadata end in a volume or a coded error`, async () => {
    const heap = process.memoryUsage().arrayBuffers
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        async (which, mutations, honestChecksum) => {
          const sample = samples[which % samples.length]!
          const storage = apply(sample, mutations, honestChecksum)
          expect(await allFaults(storage)).toEqual([])
          // One sector and three regions for each of the seven readings at most.
          expect(storage.bytesRead).toBeLessThan(7 * 4 * METADATA_REGION_SIZE)
        },
      ),
      { seed, numRuns: runs },
    )
    expect(process.memoryUsage().arrayBuffers - heap).toBeLessThan(512 * 1024 * 1024)
  }, 600_000)

  test('random bytes, with and without a boot sector that leads to them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 4096 }),
        fc.boolean(),
        async (bytes, withBoot) => {
          const [sample] = samples
          const boot = withBoot ? sample!.boot : bytes.slice(0, 512)
          const parts = sample!.offsets.map((offset) => ({ offset, bytes }))
          const size = withBoot ? sample!.size : bytes.length
          const storage = new SparseStorage(size, [{ offset: 0, bytes: boot }, ...parts])
          expect(await allFaults(storage)).toEqual([])
        },
      ),
      { seed, numRuns: runs / 4 },
    )
  }, 120_000)

  test('protector entries: refused with a code before any stretch, or checked', async () => {
    const [sample] = samples
    const storage = apply(sample!, [], false)
    const { protectors } = await readVolume(storage)
    const entry = protectors.find(({ type }) => type === 'recoveryPassword')!.entry
    const edit = fc.record({ at: fc.nat(35), value: fc.nat(255) })
    const key = new Uint8Array(16)
    await fc.assert(
      fc.asyncProperty(
        fc.array(edit, { minLength: 1 }),
        fc.nat(entry.length - 1),
        async (edits, cut) => {
          const mutated = entry.slice(0, cut)
          for (const { at, value } of edits) if (at < cut) mutated[at] = value
          expect(await faultOf(() => verifyProtectorEntry(mutated, key))).toBeUndefined()
        },
      ),
      { seed, numRuns: runs },
    )
  }, 120_000)

  test('startup key files', async () => {
    const text = fc.uint8Array({ maxLength: 300 })
    await fc.assert(
      fc.asyncProperty(text, async (bytes) => {
        if (bytes.length >= 12) {
          writeU32(bytes, 0, bytes.length)
          writeU32(bytes, 8, 48)
        }
        expect(await faultOf(async () => parseStartupKey(bytes))).toBeUndefined()
      }),
      { seed, numRuns: runs },
    )
  })
})

describe('hostile volumes that have a story', () => {
  const codeOf = async (storage: VolumeStorage) => {
    const failure: unknown = await readVolume(storage).catch((error: unknown) => error)
    return failure instanceof VolumeError ? failure.code : failure
  }

  test('an empty file, a text, zeros', async () => {
    for (const bytes of [
      new Uint8Array(),
      new TextEncoder().encode('not a disk'),
      new Uint8Array(1024),
    ]) {
      expect(await codeOf(new MemoryStorage(bytes))).toBe('VOLUME_NOT_BITLOCKER')
    }
  })

  test('the format of Windows Vista has its own error', async () => {
    const boot = new Uint8Array(512)
    boot.set([0xeb, 0x52, 0x90, ...new TextEncoder().encode('-FVE-FS-')])
    boot[56] = 2
    await expect(readVolume(new MemoryStorage(boot))).rejects.toMatchObject({
      code: 'VOLUME_VISTA',
      message:
        'This volume has the format of Windows Vista (version 1), which is not ' +
        'supported. Unlock it with Windows 7 or later',
    })
  })

  test('so has its metadata behind a newer sector 0, but one such copy is only damage', async () => {
    const vista = { kind: 'word', at: 10, value: 1 } as const
    const storage = apply(samples[0]!, [vista], true)
    const failure = {
      code: 'VOLUME_VISTA',
      message:
        'This volume has the format of Windows Vista (version 1), which is not ' +
        'supported. Unlock it with Windows 7 or later',
    }
    await expect(readVolume(storage)).rejects.toMatchObject(failure)
    await expect(repairVolume(storage)).rejects.toMatchObject(failure)
    const { metadata } = await readVolume(apply(samples[0]!, [{ ...vista, copy: 0 }], true))
    expect(metadata.map(({ valid }) => valid)).toEqual([false, true, true])
  })

  test('offsets beyond the end, beyond any number, on top of each other', async () => {
    const beyond = (value: bigint) =>
      apply(
        samples[0]!,
        [0, 1, 2].map((copy) => ({ kind: 'bootOffset', copy, value }) as const),
        true,
      )
    expect(await codeOf(beyond(2n ** 64n - 1n))).toBe('VOLUME_DAMAGED')
    expect(await codeOf(beyond(2n ** 40n))).toBe('VOLUME_DAMAGED')
    const onTop = beyond(BigInt(samples[0]!.offsets[0]!))
    const { metadata } = await readVolume(onTop)
    expect(metadata.map(({ problem }) => problem)).toEqual([
      undefined,
      'it overlaps another metadata copy',
      'it overlaps another metadata copy',
    ])
    await expect(repairVolume(onTop)).rejects.toMatchObject({ code: 'VOLUME_DAMAGED' })
  })

  test('a volume cut off behind its first metadata copy', async () => {
    const [sample] = samples
    const cut = { kind: 'cut', size: sample!.offsets[0]! + METADATA_REGION_SIZE } as const
    const { metadata } = await readVolume(apply(sample!, [cut], true))
    expect(metadata.map(({ valid }) => valid)).toEqual([true, false, false])
  })
})
