import { describe, expect, test } from 'vitest'
import { runRound } from './run-round.ts'
import { MemoryVolume } from './testing/memory-pc.ts'
import type { MemoryPc } from './testing/memory-pc.ts'
import { callsOfRound, setUp, unreachable } from './testing/test-agent.ts'
import type { ProviderErrorCode } from './volume-provider.ts'

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

  test('whose successor vanishes after its escrow keeps the old password', async () => {
    const { bench, agent, volume, old } = await rotating()
    bench.intercept = (path) => {
      if (path !== '/device/v1/escrow') return undefined
      // Somebody at the PC removes the new password while its receipt is on the way.
      volume.protectors = volume.protectors.filter(
        ({ id, type }) => type !== 'recoveryPassword' || id === old,
      )
      return undefined
    }
    const report = await runRound(agent)
    expect(report.problems).toMatchObject([{ code: 'RECEIPT_INVALID' }])
    expect(volume.passwordIds()).toEqual([old])
    bench.intercept = () => undefined
    await runRound(agent)
    expect(volume.passwordIds()).toHaveLength(1)
    expect(volume.passwordIds()).not.toContain(old)
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
