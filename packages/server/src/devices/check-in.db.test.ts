/** Check-ins on a real database: what they change, and that an unchanged one changes nothing. */

import { randomUUID } from 'node:crypto'
import type { Disclosure } from '@keydesk/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lockedVolume, volumeWith, type TestDevice } from '../testing/test-device.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
beforeAll(async () => {
  service = await TestService.start({ rotationDelaySeconds: 0 })
})
afterAll(async () => service[Symbol.asyncDispose]())

const keyStates = async (device: TestDevice) =>
  Object.fromEntries(
    (await service.detail(device.deviceId)).keys.map((key) => [key.recoveryKeyId, key.state]),
  )

describe('P4 Looked at, so replaced', () => {
  test('an exposure is open from the look until the disk proves the replacement', async () => {
    const device = await service.device()
    const old = await device.escrowNew()
    await device.report([volumeWith(old.volumeId, [old])])
    const shown = await service.show(old.protectorId)
    const exposure = async () => {
      const { exposures } = await service.detail(device.deviceId)
      return exposures.find(({ id }) => id === shown.exposureId)!
    }
    expect(await exposure()).toMatchObject({ state: 'open', rotationState: 'requested' })

    // Told, and again at each check-in until it is done.
    for (let time = 0; time < 2; time += 1) {
      const told = await device.report([volumeWith(old.volumeId, [old])])
      expect(told.actions).toEqual([
        {
          id: shown.rotationId,
          type: 'rotateRecoveryPassword',
          volumeId: old.volumeId,
          protectorId: old.protectorId,
          trigger: 'disclosure',
        },
      ])
    }
    const action = { id: shown.rotationId!, state: 'done' as const }

    // Its word alone closes nothing, nor a locked volume, nor a missing one.
    await device.report([volumeWith(old.volumeId, [old])], [action])
    await device.report([lockedVolume(old.volumeId)], [action])
    await device.report([], [action])
    expect(await exposure()).toMatchObject({ state: 'open', rotationState: 'inProgress' })

    // Gone from the disk, but the successor is not stored.
    const next = device.protector(old.volumeId)
    await device.report([volumeWith(old.volumeId, [next])], [action])
    expect(await exposure()).toMatchObject({ state: 'open' })

    await device.escrow(next)
    const answer = await device.report([volumeWith(old.volumeId, [next])])
    expect(answer.actions).toEqual([])
    expect(await exposure()).toMatchObject({
      state: 'closed',
      successorProtectorId: next.protectorId,
      rotationState: 'done',
    })
    const actions = (await service.auditEntries())
      .filter(({ deviceId }) => deviceId === device.deviceId)
      .map((entry) => entry.action)
    expect(actions).toEqual([
      'device.enroll',
      'key.escrow',
      'disclosure.request',
      'rotation.request',
      'disclosure.show',
      'key.supersede',
      'key.escrow',
      'exposure.close',
      'rotation.finish',
    ])
  })

  test('every look opens an exposure of its own; one replacement closes them all', async () => {
    const device = await service.device()
    const old = await device.escrowNew()
    const [one, two] = [await service.show(old.protectorId), await service.show(old.protectorId)]
    expect(one.exposureId).not.toBe(two.exposureId)
    expect(one.rotationId).toBe(two.rotationId)
    const next = await device.escrowNew(old.volumeId)
    await device.report([volumeWith(old.volumeId, [next])])
    const { exposures } = await service.detail(device.deviceId)
    expect(exposures.map(({ state }) => state)).toEqual(['closed', 'closed'])
  })

  test('a look that races with the replacement ends closed, never forgotten', async () => {
    for (let round = 0; round < 5; round += 1) {
      const device = await service.device()
      const old = await device.escrowNew()
      await device.report([volumeWith(old.volumeId, [old])])
      await service.show(old.protectorId)
      await device.report([volumeWith(old.volumeId, [old])])
      const next = await device.escrowNew(old.volumeId)
      const after = [volumeWith(old.volumeId, [next])]
      await Promise.all([
        device.checkIn(after),
        service.disclose(old.protectorId),
        device.checkIn(after),
      ])
      const between = await service.detail(device.deviceId)
      expect(between.exposures).toHaveLength(2)
      // The same report again: unchanged, and yet it settles what the race left open.
      await device.report(after)
      const settled = await service.detail(device.deviceId)
      expect(settled.exposures.map(({ state }) => state)).toEqual(['closed', 'closed'])
      const open = settled.rotations.filter(({ finishedAt }) => finishedAt === undefined)
      expect(open).toEqual([])
    }
  })

  test('a seen password that comes back is exposed again and replaced at once', async () => {
    await using own = await TestService.start({ rotationDelaySeconds: 3600 })
    const device = await own.device()
    const old = await device.escrowNew()
    const shown = await own.show(old.protectorId)
    const next = await device.escrowNew(old.volumeId)
    await device.report([volumeWith(old.volumeId, [next])])
    const closed = await own.detail(device.deviceId)
    expect(closed.exposures).toMatchObject([{ state: 'closed' }])

    // Later than the first rotation, so that the newest of the two is known.
    own.deps.clock.advance(1)
    const restored = [volumeWith(old.volumeId, [old, next])]
    const told = await device.report(restored)
    const { exposures, rotations } = await own.detail(device.deviceId)
    expect(exposures).toMatchObject([
      { id: shown.exposureId, state: 'open', rotationState: 'delivered' },
    ])
    expect(exposures[0]).not.toHaveProperty('closedAt')
    expect(told.actions).toMatchObject([
      { protectorId: old.protectorId, trigger: 'disclosure', id: rotations[0]!.id },
    ])
    const actions = (await own.auditEntries())
      .filter(({ recoveryKeyId }) => recoveryKeyId === old.protectorId)
      .map(({ action }) => action)
    expect(actions.slice(-3)).toEqual(['key.reactivate', 'exposure.reopen', 'rotation.request'])
    // Told once more, not asked for once more; and the proof from the disk closes it again.
    expect((await device.report(restored)).actions).toHaveLength(1)
    expect((await own.detail(device.deviceId)).rotations).toHaveLength(2)
    await device.report([volumeWith(old.volumeId, [next])])
    const after = await own.detail(device.deviceId)
    expect(after.exposures).toMatchObject([{ state: 'closed' }])
    expect(after.rotations.map(({ state }) => state)).toEqual(['done', 'done'])
  })

  test('a password that was seen while it was off the disk is replaced when it is back', async () => {
    const device = await service.device()
    const old = await device.escrowNew()
    await device.report([volumeWith(old.volumeId, [])])
    const shown = await service.show(old.protectorId)
    expect(shown.rotationId).toBeUndefined()
    const told = await device.report([volumeWith(old.volumeId, [old])])
    expect(told.actions).toMatchObject([{ protectorId: old.protectorId, trigger: 'disclosure' }])
    const { exposures } = await service.detail(device.deviceId)
    expect(exposures).toMatchObject([
      { id: shown.exposureId, state: 'open', rotationState: 'delivered' },
    ])
  })

  test('a look that races with the return of the password never leaves it unreplaced', async () => {
    for (let round = 0; round < 10; round += 1) {
      const device = await service.device()
      const old = await device.escrowNew()
      await device.report([volumeWith(old.volumeId, [])])
      await Promise.all([
        service.disclose(old.protectorId),
        device.checkIn([volumeWith(old.volumeId, [old])]),
      ])
      const { exposures, rotations } = await service.detail(device.deviceId)
      expect(exposures).toMatchObject([{ state: 'open' }])
      expect(rotations).toHaveLength(1)
    }
  })

  test('a look waits for a check-in that is bringing the password back, and sees it', async () => {
    const device = await service.device()
    const old = await device.escrowNew()
    await device.report([volumeWith(old.volumeId, [])])
    const { db } = service.deps
    const looking = await db.transaction().execute(async (trx) => {
      await sql`update recovery_key set state = 'active', superseded_at = null
                 where protector_id = ${old.protectorId}`.execute(trx)
      const look = service.show(old.protectorId)
      await new Promise((resolve) => setTimeout(resolve, 300))
      return { look }
    })
    expect(await looking.look).toMatchObject({
      keyState: 'active',
      rotationId: expect.any(String) as string,
    })
  })

  test('of a disk that moved to another PC: both are asked to replace it', async () => {
    const before = await service.device()
    const old = await before.escrowNew()
    const after = await service.device()
    await after.escrow(old)
    const more = { deviceId: before.deviceId }
    const shown = await service.disclose(old.protectorId, more)
    const there = (await service.detail(before.deviceId)).rotations
    expect(there).toMatchObject([{ id: shown.json<Disclosure>().rotationId, state: 'requested' }])
    const told = await after.report([volumeWith(old.volumeId, [old])])
    expect(told.actions).toMatchObject([{ protectorId: old.protectorId, trigger: 'disclosure' }])
    const requests = (await service.auditEntries()).filter(
      ({ action, recoveryKeyId }) =>
        action === 'rotation.request' && recoveryKeyId === old.protectorId,
    )
    expect(requests.map(({ deviceId }) => deviceId)).toEqual([before.deviceId, after.deviceId])
  })

  test('the device is told after the delay, not before', async () => {
    await using own = await TestService.start({ rotationDelaySeconds: 3600 })
    const device = await own.device()
    const old = await device.escrowNew()
    const volumes = [volumeWith(old.volumeId, [old])]
    await device.report(volumes)
    await own.show(old.protectorId)
    expect((await device.report(volumes)).actions).toEqual([])
    own.deps.clock.advance(3599)
    expect((await device.report(volumes)).actions).toEqual([])
    own.deps.clock.advance(1)
    expect((await device.report(volumes)).actions).toHaveLength(1)
  })

  test('another device cannot close it, with the same volume and protector IDs', async () => {
    const device = await service.device()
    const old = await device.escrowNew()
    const shown = await service.show(old.protectorId)
    const attacker = await service.device()
    const next = await attacker.escrowNew(old.volumeId)
    const actions = [{ id: shown.rotationId!, state: 'notSupported' as const }]
    await attacker.report([volumeWith(old.volumeId, [next])], actions)
    const { exposures, rotations } = await service.detail(device.deviceId)
    expect(exposures).toMatchObject([{ state: 'open' }])
    expect(rotations).toMatchObject([{ state: 'requested' }])
  })
})

describe('stored keys and the disk', () => {
  test('a key is superseded only by a list of its volume that lacks it', async () => {
    const device = await service.device()
    const key = await device.escrowNew()
    await device.report([volumeWith(key.volumeId, [key])])
    await device.report([])
    await device.report([lockedVolume(key.volumeId)])
    await device.report([volumeWith(randomUUID(), [])])
    expect(await keyStates(device)).toEqual({ [key.protectorId]: 'active' })
    await device.report([volumeWith(key.volumeId, [])])
    expect(await keyStates(device)).toEqual({ [key.protectorId]: 'superseded' })
    // Restored from an image: it works again, so it is active again.
    await device.report([volumeWith(key.volumeId, [key])])
    expect(await keyStates(device)).toEqual({ [key.protectorId]: 'active' })
  })

  test('a protector without a stored key, and a stored key that is not on the disk, show at once', async () => {
    const device = await service.device()
    const stored = await device.escrowNew()
    const unstored = device.protector(stored.volumeId)
    await device.report([volumeWith(stored.volumeId, [unstored])])
    const { volumes, keys } = await service.detail(device.deviceId)
    expect(volumes[0]?.protectors).toContainEqual({
      id: unstored.protectorId,
      type: 'recoveryPassword',
      hasStoredKey: false,
    })
    expect(keys).toMatchObject([{ recoveryKeyId: stored.protectorId, isOnDisk: false }])
  })

  test('before any list was reported nothing is claimed about the disk', async () => {
    const device = await service.device()
    await device.escrowNew()
    expect((await service.detail(device.deviceId)).keys).toMatchObject([{ isOnDisk: null }])
  })

  test('a volume that becomes unreadable keeps its last list', async () => {
    const device = await service.device()
    const key = await device.escrowNew()
    await device.report([volumeWith(key.volumeId, [key])])
    await device.report([lockedVolume(key.volumeId)])
    const [volume] = (await service.detail(device.deviceId)).volumes
    expect(volume).toMatchObject({ status: 'unknown', protection: 'unknown' })
    expect(volume?.protectors).toHaveLength(2)
  })
})

describe('an unchanged check-in', () => {
  test('writes no row but the memory of its request', async () => {
    const device = await service.device()
    const key = await device.escrowNew()
    const volumes = [volumeWith(key.volumeId, [key]), lockedVolume(randomUUID())]
    await device.report(volumes)
    const tables = sql.join(
      ['device', 'volume', 'protector', 'recovery_key', 'rotation', 'exposure', 'audit_entry'].map(
        (name) => sql`select ${sql.lit(name)} as name, max(xmin::text::bigint) as newest,
                             count(*) as count from ${sql.table(name)}`,
      ),
      sql` union all `,
    )
    const before = (await tables.execute(service.deps.db)).rows
    for (let time = 0; time < 3; time += 1) await device.report(volumes)
    expect((await tables.execute(service.deps.db)).rows).toEqual(before)
  })

  test('is seen all the same, within seconds', async () => {
    const own = await TestService.start()
    const device = await own.device()
    await device.report([])
    own.deps.clock.advance(60)
    await device.report([])
    const seenAt = own.deps.clock.now().toISOString()
    // A server that stops writes what it has in memory.
    await own.app.close()
    const row = await own.deps.db.selectFrom('device_presence').selectAll().executeTakeFirst()
    expect(row?.last_seen_at.toISOString()).toBe(seenAt)
    await own.deps[Symbol.asyncDispose]()
  })
})

test('what the device says about itself is kept up to date', async () => {
  const device = await service.device('PC-OLD-NAME')
  const body = {
    agentVersion: '2.0.0',
    device: { name: 'PC-NEW-NAME', model: 'T14', osBuild: '26100.1', joinType: 'entra' },
    volumes: [],
    actions: [],
  }
  await device.send({ url: '/device/v1/check-in', body })
  expect(await service.detail(device.deviceId)).toMatchObject({
    facts: { name: 'PC-NEW-NAME', model: 'T14', osBuild: '26100.1', joinType: 'entra' },
    agentVersion: '2.0.0',
  })
})

test.each([
  ['volume', [lockedVolume('00000000-0000-4000-8000-00000000000a')], 2],
  ['protector', [volumeWith('00000000-0000-4000-8000-00000000000a', [])], 1],
])('a report that names a %s twice is refused', async (what, volumes, times) => {
  const device = await service.device()
  const twice = { id: '00000000-0000-4000-8000-000000000001', type: 'recoveryPassword' as const }
  const reported =
    what === 'volume'
      ? Array.from({ length: times }, () => volumes[0]!)
      : [{ ...volumes[0]!, protectors: [twice, twice] }]
  expect((await device.checkIn(reported)).json()).toMatchObject({
    status: 400,
    code: 'INVALID_REQUEST',
    detail: 'The report names a volume or a protector twice.',
  })
})

test('check-ins of one device at once leave one consistent state', async () => {
  const device = await service.device()
  const old = await device.escrowNew()
  const next = await device.escrowNew(old.volumeId)
  const lists = [[old, next], [next], [old, next], [next]]
  const responses = await Promise.all(
    lists.map((list) => device.checkIn([volumeWith(old.volumeId, list)])),
  )
  expect(responses.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200])
  const { keys, volumes } = await service.detail(device.deviceId)
  const onDisk = new Set(volumes[0]?.protectors.map(({ id }) => id))
  for (const key of keys) expect(key.state === 'active').toBe(onDisk.has(key.recoveryKeyId))
})
