import { describe, expect, test } from 'vitest'
import { AGENT_LIMITS } from './limits.ts'
import { runRound } from './run-round.ts'
import { StateFile } from './state-file.ts'
import { FaultInjector } from './testing/fault-injector.ts'
import { MemoryVolume } from './testing/memory-pc.ts'
import type { MemoryPc } from './testing/memory-pc.ts'
import { callsOfRound, setUp, unreachable } from './testing/test-agent.ts'
import type { TestBench } from './testing/test-agent.ts'

describe('P1 Escrow first', () => {
  test('the receipt is on disk before the encryption is asked for', async () => {
    const volume = new MemoryVolume()
    const { bench } = await setUp(volume)
    const calls = await callsOfRound(bench)
    const order = [
      'disk.addRecoveryPassword',
      'service /device/v1/escrow',
      'state.write',
      'disk.encrypt',
    ]
    const places = [0, 1, 2, 3].map((step) =>
      step === 2
        ? calls.indexOf('state.write', calls.indexOf('service /device/v1/escrow'))
        : calls.indexOf(order[step]!),
    )
    expect(places).toEqual(places.toSorted((a, b) => a - b))
    expect(places).not.toContain(-1)
    expect(volume.status).toBe('fullyEncrypted')
  })

  test('with the service unreachable nothing is encrypted, and a sentence says why', async () => {
    const volume = new MemoryVolume()
    const { bench, agent } = await setUp(volume)
    bench.intercept = unreachable
    const report = await runRound(agent, { encrypt: 'all' })
    expect(volume.status).toBe('fullyDecrypted')
    expect(report.error).toMatchObject({ code: 'SERVER_UNREACHABLE' })
    expect(report.problems).toMatchObject([
      { code: 'SERVER_UNREACHABLE' },
      { code: 'ENCRYPTION_REFUSED', volumeId: volume.id },
    ])
    expect(bench.lines).toEqual([
      'The service at https://keydesk.example cannot be reached (fetch failed).',
      'C: was not encrypted: without a receipt for its recovery password the encryption does not ' +
        'start.',
    ])
  })

  test('with only the escrow route failing nothing is encrypted', async () => {
    const volume = new MemoryVolume()
    const { bench, agent } = await setUp(volume)
    bench.intercept = (path) => (path === '/device/v1/escrow' ? unreachable() : undefined)
    await runRound(agent)
    expect(volume.status).toBe('fullyDecrypted')
    bench.intercept = () => undefined
    await runRound(agent)
    expect(volume.status).toBe('fullyEncrypted')
    expect(volume.passwordIds(), 'the prepared password is used, not a second one').toHaveLength(1)
  })

  test('a receipt of another key, device or signer is no receipt', async () => {
    const other = await setUp(new MemoryVolume())
    await runRound(other.agent)
    const foreign = (await other.bench.state()).receipts[0]!.receipt
    const bends: ((receipt: string) => string)[] = [
      () => foreign,
      (receipt) => receipt.slice(0, -2),
      (receipt) => `${receipt.split('.', 2).join('.')}.${foreign.split('.')[2]}`,
      () => 'keydesk says yes',
    ]
    for (const bend of bends) {
      const volume = new MemoryVolume()
      const { bench, agent } = await setUp(volume)
      bench.service.bend = bend
      const report = await runRound(agent)
      expect(report.problems).toMatchObject([{ code: 'RECEIPT_INVALID' }])
      expect(report.problems[0]?.message).toContain('it counts as not escrowed')
      expect((await bench.state()).receipts).toEqual([])
      expect(volume.status).toBe('fullyDecrypted')
    }
  })

  test('a stored receipt for another password of the same protector is no receipt', async () => {
    const volume = new MemoryVolume().encrypted()
    const { bench, agent } = await setUp(volume)
    await runRound(agent)
    const [id] = volume.passwordIds()
    // A restored disk image: the same protector ID with another password behind it.
    volume.protectors = volume.protectors.map((protector) =>
      protector.id === id ? { ...protector, recoveryKey: new Uint8Array(16).fill(7) } : protector,
    )
    await runRound(agent)
    const state = await bench.state()
    expect(state.disputes).toMatchObject([{ protectorId: id, reason: 'conflict' }])
  })

  test('a disk that loses what it confirms does not get passwords for ever', async () => {
    const volume = new MemoryVolume()
    const { bench, agent } = await setUp(volume)
    let added = 0
    volume.addPassword = () => `lost-${added++}`
    const report = await runRound(agent)
    expect(report.problems).toMatchObject([{ code: 'PROVIDER_FAILED' }])
    expect(added).toBe(AGENT_LIMITS.disputedProtectorsPerVolume + 1)
    expect(bench.service.keys.size).toBe(0)
  })

  test('a password that appears at the last moment is not encrypted in unescrowed', async () => {
    const volume = new MemoryVolume()
    const { bench, agent } = await setUp(volume)
    bench.intercept = (path) => {
      if (path === '/device/v1/escrow') volume.addPassword()
      return undefined
    }
    const report = await runRound(agent)
    expect(report.problems).toMatchObject([{ code: 'ENCRYPTION_REFUSED' }])
    expect(report.problems[0]?.message).toContain('not every recovery password on it has a receipt')
    expect(volume.status).toBe('fullyDecrypted')
  })

  test('a policy that asks for no encryption is followed', async () => {
    const volume = new MemoryVolume()
    const { bench, agent } = await setUp(volume)
    bench.service.policy = { ...bench.service.policy, requireEncryption: false }
    const report = await runRound(agent)
    expect(report.problems).toEqual([])
    expect(volume.status).toBe('fullyDecrypted')
    expect(volume.protectors).toEqual([])
  })

  test('the policy means what is built in: a removable disk is left to the person', async () => {
    const [system, stick] = [new MemoryVolume('C:'), new MemoryVolume('E:', 'removable')]
    const { agent } = await setUp(system, stick)
    expect((await runRound(agent)).problems).toEqual([])
    expect([system.status, stick.status]).toEqual(['fullyEncrypted', 'fullyDecrypted'])
    await runRound(agent, { encrypt: ['E:'] })
    expect(stick.status).toBe('fullyEncrypted')
  })

  test('a person may ask for one volume where the policy does not', async () => {
    const [system, data] = [new MemoryVolume('C:'), new MemoryVolume('D:')]
    const { bench, agent } = await setUp(system, data)
    bench.service.policy = { ...bench.service.policy, requireEncryption: false }
    await runRound(agent, { encrypt: ['D:'] })
    expect([system.status, data.status]).toEqual(['fullyDecrypted', 'fullyEncrypted'])
  })

  test('a prepared password that the service disputes is replaced first', async () => {
    const volume = new MemoryVolume()
    const prepared = volume.addPassword()
    const { bench, agent } = await setUp(volume)
    const { deviceId } = agent.enrollment
    const stored = { recoveryKey: new Uint8Array(16).fill(9), receipt: 'x' }
    bench.service.keys.set(`${deviceId} ${volume.id} ${prepared}`, stored)
    await runRound(agent)
    expect(volume.status).toBe('fullyEncrypted')
    expect(volume.passwordIds()).toHaveLength(1)
    expect(volume.passwordIds()).not.toContain(prepared)
  })
})

describe('adoption', () => {
  test('escrows every recovery password of a volume that others have encrypted', async () => {
    const volume = new MemoryVolume().encrypted(3)
    const { bench, agent } = await setUp(volume)
    const report = await runRound(agent)
    expect(report.problems).toEqual([])
    expect((await bench.state()).receipts.map(({ protectorId }) => protectorId)).toEqual(
      volume.passwordIds(),
    )
    expect(volume.passwordIds()).toHaveLength(3)
  })

  test('gives an encrypted volume without a recovery password one', async () => {
    const volume = new MemoryVolume().encrypted(0)
    const { agent } = await setUp(volume)
    await runRound(agent)
    expect(volume.passwordIds()).toHaveLength(1)
    await runRound(agent)
    expect(volume.passwordIds(), 'once').toHaveLength(1)
  })

  test('reports a locked volume and leaves it alone', async () => {
    const volume = new MemoryVolume().encrypted()
    volume.isLocked = true
    const { bench, agent } = await setUp(volume)
    expect((await runRound(agent)).problems).toEqual([])
    expect(bench.service.reports.at(-1)?.volumes).toMatchObject([
      { status: 'unknown', protection: 'unknown' },
    ])
    expect(bench.service.keys.size).toBe(0)
  })

  test('a protector list that cannot be read is sent as null: it proves nothing', async () => {
    const volume = new MemoryVolume().encrypted()
    volume.isListReadable = false
    const { bench, agent } = await setUp(volume)
    await runRound(agent)
    expect(bench.service.reports.at(-1)?.volumes[0]?.protectors).toBeNull()
  })

  test('one failing volume does not keep the others from being escrowed', async () => {
    const [bad, good] = [new MemoryVolume('C:').encrypted(0), new MemoryVolume('D:').encrypted()]
    bad.refusal = 'DEVICE_FAILED'
    const { bench, agent } = await setUp(bad, good)
    const report = await runRound(agent)
    expect(report.problems).toMatchObject([{ code: 'DEVICE_FAILED', volumeId: bad.id }])
    expect((await bench.state()).receipts).toMatchObject([{ volumeId: good.id }])
    expect(report.checkedIn).toBe(true)
  })
})

describe('a dispute with the service (PROTECTOR_CONFLICT)', () => {
  test('is answered with a fresh password; the disputed one stays on the disk', async () => {
    const volume = new MemoryVolume().encrypted()
    const [disputed = ''] = volume.passwordIds()
    const { bench, agent } = await setUp(volume)
    const name = `${agent.enrollment.deviceId} ${volume.id} ${disputed}`
    bench.service.keys.set(name, { recoveryKey: new Uint8Array(16), receipt: 'x' })
    await runRound(agent)
    const [first, fresh = ''] = volume.passwordIds()
    expect(first).toBe(disputed)
    expect((await bench.state()).receipts).toMatchObject([{ protectorId: fresh }])
    await runRound(agent)
    expect(volume.passwordIds(), 'one fresh password is enough').toEqual([disputed, fresh])
  })

  test('that never ends does not fill the disk', async () => {
    const volume = new MemoryVolume().encrypted()
    const { bench, agent } = await setUp(volume)
    bench.intercept = (path) =>
      path === '/device/v1/escrow'
        ? Promise.resolve(bench.service.refusal('PROTECTOR_CONFLICT'))
        : undefined
    for (let round = 0; round < 5; round++) await runRound(agent)
    expect(volume.passwordIds()).toHaveLength(AGENT_LIMITS.disputedProtectorsPerVolume)
    const { lastRound } = await bench.state()
    expect(lastRound?.problems.at(-1)?.message).toContain('Ask its administrator')
  })

  test('a key that failed its proof is one, for as long as the service says so', async () => {
    const volume = new MemoryVolume().encrypted()
    const [first = ''] = volume.passwordIds()
    const { bench, agent } = await setUp(volume)
    bench.service.mismatches = [first]
    await runRound(agent)
    expect((await bench.state()).disputes).toMatchObject([{ reason: 'mismatch' }])
    expect(volume.passwordIds(), 'it got a successor').toHaveLength(2)
    bench.service.mismatches = []
    await runRound(agent)
    expect((await bench.state()).disputes).toEqual([])
  })
})

/** Five more than are kept, of protectors that the volume does not have. */
async function addPastReceipts(bench: TestBench, volume: MemoryVolume) {
  const past = Array.from({ length: AGENT_LIMITS.pastReceipts + 5 }, (_, index) => ({
    volumeId: volume.id,
    protectorId: `gone-${index}`,
    receipt: 'x',
    storedAt: 'then',
  }))
  const file = await StateFile.open(bench.storage)
  const { receipts } = await file.update((state) => ({
    ...state,
    receipts: [...past, ...state.receipts],
  }))
  return receipts
}

describe('the round itself', () => {
  test('a corrected clock is kept for the next process', async () => {
    const { bench, agent } = await setUp(new MemoryVolume().encrypted())
    bench.clock.time -= 86_400_000
    await runRound(agent)
    expect((await bench.state()).clockOffsetMs).toBeGreaterThan(86_000_000)
    const tokens = bench.service.seenTokens.size
    await runRound(await bench.open())
    expect(bench.service.seenTokens.size - tokens, 'one request, none refused').toBe(1)
  })

  test('quiet rounds make one request and keep nothing but their time', async () => {
    const { bench, agent } = await setUp(new MemoryVolume().encrypted())
    await runRound(agent)
    const calls = (await callsOfRound(bench)).filter((name) => name.startsWith('service'))
    expect(calls).toEqual(['service /device/v1/check-in'])
  })

  test('a state file that cannot be written ends the round before anything else', async () => {
    const volume = new MemoryVolume()
    const { bench } = await setUp(volume)
    const recorder = new FaultInjector()
    await runRound(await bench.open(recorder))
    const again = await setUp(new MemoryVolume())
    const write = recorder.calls.indexOf('state.write')
    const broken = new FaultInjector({ index: write, mode: 'fails', death: false })
    const report = await runRound(await again.bench.open(broken))
    expect(report.error).toMatchObject({ code: 'STATE_WRITE', exitCode: 2 })
    expect(broken.calls.slice(write + 1)).toEqual([])
  })

  test('receipts of protectors that are gone are forgotten, the newest last', async () => {
    const volume = new MemoryVolume().encrypted()
    const { bench, agent } = await setUp(volume)
    await runRound(agent)
    const receipts = await addPastReceipts(bench, volume)
    await runRound(await bench.open())
    expect((await bench.state()).receipts).toEqual(receipts.slice(5))
  })

  test('receipts of a volume that is not in the PC now are kept', async () => {
    const volume = new MemoryVolume().encrypted()
    const { bench, agent } = await setUp(volume)
    await runRound(agent)
    const receipts = await addPastReceipts(bench, volume)
    ;(bench.provider as MemoryPc).volumes = []
    await runRound(await bench.open())
    expect((await bench.state()).receipts).toEqual(receipts)
  })
})
