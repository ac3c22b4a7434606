import { describe, expect, test } from 'vitest'
import { withoutReceipts } from './agent-state.ts'
import { runRound } from './run-round.ts'
import { MemoryPc, MemoryVolume } from './testing/memory-pc.ts'
import { callsOfRound, setUp } from './testing/test-agent.ts'
import type { TestBench } from './testing/test-agent.ts'
import { ProviderError } from './volume-provider.ts'

const ESCROW = 'service /device/v1/escrow'

/** As after a restore from a backup that is older than every escrow. */
function loseKeys({ service, clock }: TestBench) {
  service.keys.clear()
  service.now += 60_000
  clock.time += 60_000
}

/** For good, as far as this round goes: only the check-in is answered. */
function refuseEscrow(bench: TestBench) {
  bench.intercept = (path) =>
    path === '/device/v1/escrow'
      ? Promise.resolve(bench.service.refusal('VAULT_KEY_UNKNOWN'))
      : undefined
}

describe('P5 No acknowledged key is lost: the service has lost it all the same', () => {
  test('the round that learns of it escrows the key again, for a new receipt', async () => {
    const volume = new MemoryVolume().encrypted(2)
    const { bench, agent } = await setUp(volume)
    await runRound(agent)
    const before = (await bench.state()).receipts
    const [first = '', second = ''] = volume.passwordIds()
    loseKeys(bench)
    bench.lines.length = 0
    expect(await runRound(agent)).toEqual({ checkedIn: true, problems: [] })
    for (const protectorId of [first, second]) {
      const stored = bench.service.keyFor({ volumeId: volume.id, protectorId })
      expect(stored).toEqual(volume.keyOf(protectorId))
    }
    const after = (await bench.state()).receipts
    expect(after.map(({ protectorId }) => protectorId)).toEqual([first, second])
    expect(after.map(({ receipt }) => receipt)).not.toEqual(before.map(({ receipt }) => receipt))
    expect(bench.lines[0]).toBe(
      `The service no longer has the key of recovery password ${first.slice(0, 8).toUpperCase()}: ` +
        'its receipt is void, and it is escrowed again.',
    )
    expect(volume.passwordIds(), 'no further password is added').toEqual([first, second])
  })

  test('a service that loses every key for ever gets each once a round', async () => {
    const { bench, agent } = await setUp(new MemoryVolume().encrypted())
    await runRound(agent)
    bench.intercept = (path) => {
      if (path === '/device/v1/check-in') bench.service.keys.clear()
      return undefined
    }
    for (let round = 0; round < 3; round++) {
      const calls = (await callsOfRound(bench)).filter((name) => name.startsWith('service'))
      const checkIn = 'service /device/v1/check-in'
      expect(calls).toEqual([checkIn, ESCROW, checkIn])
    }
  })

  test('a list that was not sent, and a volume that is not there, prove no loss', async () => {
    const [hidden, absent] = [
      new MemoryVolume('C:').encrypted(),
      new MemoryVolume('D:').encrypted(),
    ]
    const { bench, agent } = await setUp(hidden, absent)
    await runRound(agent)
    const before = (await bench.state()).receipts
    loseKeys(bench)
    hidden.isListReadable = false
    ;(bench.provider as MemoryPc).volumes = [hidden]
    await runRound(agent)
    expect((await bench.state()).receipts).toEqual(before)
  })

  test('a locked volume is escrowed again as soon as it is unlocked', async () => {
    const volume = new MemoryVolume().encrypted()
    const { bench, agent } = await setUp(volume)
    await runRound(agent)
    loseKeys(bench)
    volume.isLocked = true
    expect((await runRound(agent)).problems).toEqual([])
    expect((await bench.state()).receipts).toEqual([])
    volume.isLocked = false
    await runRound(agent)
    expect((await bench.state()).receipts).toHaveLength(1)
    expect(bench.service.keys.size).toBe(1)
  })

  test('a newer receipt for the same password is not dropped with the lost one', async () => {
    const { bench, agent } = await setUp(new MemoryVolume().encrypted())
    await runRound(agent)
    const [lost] = (await bench.state()).receipts
    const newer = { ...lost!, receipt: 'newer' }
    const state = { ...(await bench.state()), receipts: [newer] }
    expect(withoutReceipts(state, [lost!]).receipts).toEqual([newer])
    expect(withoutReceipts(state, [newer]).receipts).toEqual([])
  })
})

describe('P1 Escrow first', () => {
  test('nothing is encrypted on the receipt of a lost key', async () => {
    const volume = new MemoryVolume()
    volume.addPassword()
    const { bench, agent } = await setUp(volume)
    const { policy } = bench.service
    bench.service.policy = { ...policy, requireEncryption: false }
    await runRound(agent)
    expect((await bench.state()).receipts).toHaveLength(1)
    loseKeys(bench)
    refuseEscrow(bench)
    bench.service.policy = policy
    const report = await runRound(agent)
    expect(report.problems[0]).toMatchObject({ code: 'SERVER_REFUSED', volumeId: volume.id })
    expect(volume.status).toBe('fullyDecrypted')
    bench.intercept = () => undefined
    await runRound(agent)
    expect(volume.status).toBe('fullyEncrypted')
    expect(bench.service.keys.size).toBe(1)
  })
})

describe('P2 Never locked out', () => {
  test('no password is removed on the receipt of a lost successor', async () => {
    const volume = new MemoryVolume().encrypted()
    const pc = new MemoryPc(volume)
    const { bench, agent } = await setUp(volume)
    bench.provider.removeRecoveryPassword = () =>
      Promise.reject(new ProviderError('DEVICE_FAILED', 'not now'))
    await runRound(agent)
    const [old = ''] = volume.passwordIds()
    bench.service.rotate(volume.id, old)
    await runRound(agent)
    const [, successor = ''] = volume.passwordIds()
    expect((await bench.state()).receipts.at(-1)).toMatchObject({ protectorId: successor })
    bench.provider.removeRecoveryPassword = (name) => pc.removeRecoveryPassword(name)
    loseKeys(bench)
    refuseEscrow(bench)
    await runRound(agent)
    expect(volume.passwordIds()).toEqual([old, successor])
    bench.intercept = () => undefined
    await runRound(agent)
    expect(volume.passwordIds(), 'the rotation goes on with its own password').toEqual([successor])
    expect(bench.service.keyFor({ volumeId: volume.id, protectorId: successor })).toEqual(
      volume.keyOf(successor),
    )
  })
})
