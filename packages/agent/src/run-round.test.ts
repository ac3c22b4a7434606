import { describe, expect, test } from 'vitest'
import type { Agent } from './agent.ts'
import { AGENT_LIMITS } from './limits.ts'
import { runRound } from './run-round.ts'
import { StateFile } from './state-file.ts'
import { FaultInjector } from './testing/fault-injector.ts'
import { MemoryPc, MemoryVolume } from './testing/memory-pc.ts'
import { TestBench } from './testing/test-agent.ts'
import type { ProviderErrorCode } from './volume-provider.ts'

async function setUp(...volumes: MemoryVolume[]): Promise<{ bench: TestBench; agent: Agent }> {
  const bench = await TestBench.enrolled(new MemoryPc(...volumes))
  return { bench, agent: await bench.open() }
}

const unreachable = () => Promise.reject(new TypeError('fetch failed'))

async function callsOfRound(bench: TestBench): Promise<string[]> {
  const recorder = new FaultInjector()
  await runRound(await bench.open(recorder))
  return recorder.calls
}

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
    expect(bench.lines.at(-1)).toBe(
      'C: was not encrypted: without a receipt for its recovery password the encryption does not ' +
        'start. The service at https://keydesk.example cannot be reached (fetch failed).',
    )
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

  test('a policy that asks for no encryption is followed', async () => {
    const volume = new MemoryVolume()
    const { bench, agent } = await setUp(volume)
    bench.service.policy = { ...bench.service.policy, requireEncryption: false }
    const report = await runRound(agent)
    expect(report.problems).toEqual([])
    expect(volume.status).toBe('fullyDecrypted')
    expect(volume.protectors).toEqual([])
  })

  test('a person may ask for one volume where the policy does not', async () => {
    const [system, data] = [new MemoryVolume('C:'), new MemoryVolume('D:')]
    const { bench, agent } = await setUp(system, data)
    bench.service.policy = { ...bench.service.policy, requireEncryption: false }
    await runRound(agent, { encrypt: ['D:'] })
    expect([system.status, data.status]).toEqual(['fullyDecrypted', 'fullyEncrypted'])
  })

  test('a prepared password that the service disputes is replaced before the encryption', async () => {
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

describe('P2 Never locked out', () => {
  async function rotating(volume = new MemoryVolume().encrypted(1, ['tpmAndPin'])) {
    const { bench, agent } = await setUp(volume)
    await runRound(agent)
    const [old = ''] = volume.passwordIds()
    const actionId = bench.service.rotate(volume.id, old)
    return { bench, agent, volume, old, actionId }
  }

  test('the old password is removed only after the receipt of the new one is on disk', async () => {
    const { bench, volume, old } = await rotating()
    const calls = await callsOfRound(bench)
    const escrowed = calls.indexOf('service /device/v1/escrow')
    expect(calls.indexOf('disk.addRecoveryPassword')).toBeLessThan(escrowed)
    expect(calls.indexOf('state.write', escrowed)).toBeLessThan(
      calls.indexOf('disk.removeRecoveryPassword'),
    )
    expect(volume.passwordIds()).toHaveLength(1)
    expect(volume.passwordIds()).not.toContain(old)
  })

  test('no other protector is touched: TPM+PIN and other passwords stay', async () => {
    const { bench, agent, volume, old } = await rotating(
      new MemoryVolume().encrypted(3, ['tpmAndPin', 'startupKey', 'password']),
    )
    const before = [...volume.protectors]
    await runRound(agent)
    const kept = before.filter(({ id }) => id !== old)
    expect(volume.protectors.slice(0, kept.length)).toEqual(kept)
    expect(volume.protectors).toHaveLength(before.length)
    expect(bench.service.actions).toEqual([])
  })

  test('the result is reported with the list that proves it', async () => {
    const { bench, agent, volume, actionId } = await rotating()
    await runRound(agent)
    expect(bench.service.reports.at(-1)).toMatchObject({
      actions: [{ id: actionId, state: 'done' }],
      volumes: [{ protectors: volume.protectors.map(({ id }) => ({ id })) }],
    })
    await runRound(agent)
    expect(bench.service.reports.at(-1)?.actions, 'once').toEqual([])
  })

  test('with the escrow failing the old password stays, and the service hears why', async () => {
    const { bench, agent, volume, old, actionId } = await rotating()
    bench.intercept = (path) =>
      path === '/device/v1/escrow'
        ? Promise.resolve(bench.service.refusal('VAULT_KEY_UNKNOWN'))
        : undefined
    await runRound(agent)
    expect(volume.passwordIds()).toContain(old)
    expect(bench.service.reports.at(-1)?.actions).toEqual([
      { id: actionId, state: 'inProgress', detailCode: 'SERVER_REFUSED' },
    ])
    bench.intercept = () => undefined
    await runRound(agent)
    expect(volume.passwordIds()).toHaveLength(1)
    expect(volume.passwordIds()).not.toContain(old)
  })

  test('a receipt that does not hold keeps the old password on the disk', async () => {
    const { bench, agent, volume, old } = await rotating()
    bench.service.bend = (receipt) => receipt.slice(0, -3)
    await runRound(agent)
    expect(volume.passwordIds()).toContain(old)
    expect(bench.service.actions).toHaveLength(1)
  })

  test('of a protector that is gone already is done', async () => {
    const { bench, agent, volume, actionId } = await rotating(new MemoryVolume().encrypted(2))
    const [old, other] = volume.passwordIds()
    volume.protectors = volume.protectors.filter(({ id }) => id !== old)
    bench.service.hasSlowProof = true
    await runRound(agent)
    expect(bench.service.reports.at(-1)?.actions).toEqual([{ id: actionId, state: 'done' }])
    expect(volume.passwordIds()).toEqual([other])
  })

  test('of something that is no recovery password is not supported', async () => {
    const { bench, agent, volume } = await rotating()
    const [tpm] = volume.protectors
    bench.service.actions = []
    bench.service.rotate(volume.id, tpm!.id)
    await runRound(agent)
    expect(bench.service.reports.at(-1)?.actions).toMatchObject([
      { state: 'notSupported', detailCode: 'NOT_A_RECOVERY_PASSWORD' },
    ])
    expect(volume.protectors).toContain(tpm)
  })

  test.each<[ProviderErrorCode, string]>([
    ['NOT_SUPPORTED', 'notSupported'],
    ['METADATA_FULL', 'failed'],
  ])('that the disk refuses with %s is %s, and the old password stays', async (code, state) => {
    const { bench, agent, volume, old } = await rotating()
    volume.refusal = code
    await runRound(agent)
    expect(bench.service.reports.at(-1)?.actions).toMatchObject([{ state, detailCode: code }])
    expect(volume.passwordIds()).toEqual([old])
  })

  test('of a locked volume waits, and goes on when it is unlocked', async () => {
    const { bench, agent, volume, old } = await rotating()
    volume.isLocked = true
    const report = await runRound(agent)
    expect(report.problems).toMatchObject([{ code: 'VOLUME_LOCKED' }])
    volume.isLocked = false
    await runRound(agent)
    expect(volume.passwordIds()).not.toContain(old)
    expect(bench.service.actions).toEqual([])
  })

  test('of a volume that is not in the PC waits', async () => {
    const { bench, agent, volume } = await rotating()
    const pc = bench.provider as MemoryPc
    pc.volumes = []
    expect((await runRound(agent)).problems).toMatchObject([{ code: 'VOLUME_NOT_FOUND' }])
    pc.volumes = [volume]
    await runRound(agent)
    expect(bench.service.actions).toEqual([])
  })

  test('that was begun is finished even if the service does not ask again', async () => {
    const { bench, agent, volume, old } = await rotating()
    bench.intercept = (path) => (path === '/device/v1/escrow' ? unreachable() : undefined)
    await runRound(agent)
    expect((await bench.state()).rotations).toHaveLength(1)
    bench.intercept = () => undefined
    bench.service.actions = []
    await runRound(agent)
    expect(volume.passwordIds()).not.toContain(old)
    expect((await bench.state()).rotations).toEqual([])
  })

  test('two at once on one volume replace both', async () => {
    const { bench, agent, volume } = await rotating(new MemoryVolume().encrypted(2))
    const before = volume.passwordIds()
    bench.service.rotate(volume.id, before[1]!)
    await runRound(agent)
    expect(volume.passwordIds()).toHaveLength(2)
    expect(volume.passwordIds().filter((id) => before.includes(id))).toEqual([])
    expect(bench.service.actions).toEqual([])
  })
})

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
    const file = await StateFile.open(bench.storage)
    const { receipts } = await file.update((state) => ({
      ...state,
      receipts: [
        ...Array.from({ length: AGENT_LIMITS.pastReceipts + 5 }, (_, index) => ({
          volumeId: volume.id,
          protectorId: `gone-${index}`,
          receipt: 'x',
          storedAt: 'then',
        })),
        ...state.receipts,
      ],
    }))
    await runRound(await bench.open())
    expect((await bench.state()).receipts).toEqual(receipts.slice(5))
  })
})
