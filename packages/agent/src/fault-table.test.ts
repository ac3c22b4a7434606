/**
 * Every call to the disk, the state file and the service fails, and fails after it took effect,
 * with and without the end of the process: on a PC in memory, so that the table is complete in
 * seconds. test/e2e/agent-faults.e2e.ts does the same with real volumes and the real service.
 */
import { describe, expect, test } from 'vitest'
import { isEscrowed } from './escrow-password.ts'
import { runFaultTable } from './testing/fault-table.ts'
import type { FaultBench } from './testing/fault-table.ts'
import { MemoryPc, MemoryVolume } from './testing/memory-pc.ts'
import { TestBench } from './testing/test-agent.ts'
import { runRound } from './run-round.ts'

/** Some recovery password of an encrypted volume has a receipt that holds; the service has it. */
async function checkPromises(bench: TestBench, volume: MemoryVolume): Promise<void> {
  if (volume.status === 'fullyDecrypted') return
  const agent = await bench.open()
  for (const protectorId of volume.passwordIds()) {
    const name = { volumeId: volume.id, protectorId }
    const stored = bench.service.keyFor(name)
    const isSame = stored !== undefined && Buffer.from(volume.keyOf(protectorId)).equals(stored)
    if (isSame && (await isEscrowed(agent, name))) return
  }
  throw new Error('no recovery password on the disk has a receipt')
}

async function encryptFirst(): Promise<FaultBench> {
  const volume = new MemoryVolume()
  const bench = await TestBench.enrolled(new MemoryPc(volume))
  return {
    open: (injector) => bench.open(injector),
    checkPromises: () => checkPromises(bench, volume),
    checkEnd: async () => {
      expect(volume.status).toBe('fullyEncrypted')
      expect(volume.passwordIds()).toHaveLength(1)
      const last = bench.service.reports.at(-1)
      expect(last?.volumes[0]?.protectors?.map(({ id }) => id)).toEqual(
        volume.protectors.map(({ id }) => id),
      )
      expect((await bench.state()).lastRound?.problems).toEqual([])
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

async function rotation(): Promise<FaultBench> {
  const volume = new MemoryVolume().encrypted(1, ['tpmAndPin'])
  const bench = await TestBench.enrolled(new MemoryPc(volume))
  await runRound(await bench.open())
  const [old = ''] = volume.passwordIds()
  bench.service.rotate(volume.id, old)
  return {
    open: (injector) => bench.open(injector),
    checkPromises: async () => {
      await checkPromises(bench, volume)
      expect(volume.protectors.filter(({ type }) => type === 'tpmAndPin')).toHaveLength(1)
    },
    checkEnd: async () => {
      expect(volume.passwordIds()).toHaveLength(1)
      expect(volume.passwordIds()).not.toContain(old)
      expect(bench.service.actions).toEqual([])
      const state = await bench.state()
      expect(state.rotations).toEqual([])
      expect(state.results).toMatchObject([{ state: 'done' }])
      expect(state.results.every(({ reportedAt }) => reportedAt !== undefined)).toBe(true)
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** Encrypted by somebody else, with two passwords that nobody has escrowed. */
async function adoption(): Promise<FaultBench> {
  const volume = new MemoryVolume().encrypted(2)
  const before = volume.passwordIds()
  const bench = await TestBench.enrolled(new MemoryPc(volume))
  return {
    open: (injector) => bench.open(injector),
    // Nothing is promised before the first escrow; nothing may be taken away either.
    checkPromises: async () => {
      expect(volume.passwordIds()).toEqual(before)
      await Promise.resolve()
    },
    checkEnd: async () => {
      const agent = await bench.open()
      for (const protectorId of before) {
        expect(await isEscrowed(agent, { volumeId: volume.id, protectorId })).toBe(true)
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

describe('every call fails, and fails after it took effect', () => {
  test('P1 Escrow first: an encryption is never ahead of its receipt', async () => {
    const { rows, calls } = await runFaultTable(encryptFirst, {})
    expect(calls).toContain('disk.encrypt')
    expect(rows).toBeGreaterThan(40)
  })

  test('P2 Never locked out: a rotation resumes from what is on the disk', async () => {
    const { rows, calls } = await runFaultTable(rotation, {})
    expect(calls.indexOf('disk.removeRecoveryPassword')).toBeGreaterThan(
      calls.lastIndexOf('service /device/v1/escrow'),
    )
    expect(rows).toBeGreaterThan(40)
  })

  test('adoption of an encrypted volume loses no password', async () => {
    const { rows } = await runFaultTable(adoption, {})
    expect(rows).toBeGreaterThan(20)
  })
})
