/** Rotations: asked for, delivered, failed and tried again; one open per key. */

import { randomUUID } from 'node:crypto'
import type { Rotation } from '@keydesk/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { volumeWith, type TestDevice } from '../testing/test-device.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
beforeAll(async () => {
  service = await TestService.start({ rotationDelaySeconds: 3600 })
})
afterAll(async () => service[Symbol.asyncDispose]())

const rotationsOf = async (device: TestDevice): Promise<Rotation[]> =>
  (await service.detail(device.deviceId)).rotations

const byHand = async (device: TestDevice, body: object = {}) =>
  await service.admin('POST', `/api/v1/devices/${device.deviceId}/rotations`, body)

describe('by hand', () => {
  test('rotates every active key of the device, at once', async () => {
    const device = await service.device()
    const keys = [await device.escrowNew(), await device.escrowNew()]
    const response = await byHand(device)
    expect(response.statusCode).toBe(201)
    const { items } = response.json<{ items: Rotation[] }>()
    expect(items.map(({ protectorId }) => protectorId).toSorted()).toEqual(
      keys.map(({ protectorId }) => protectorId).toSorted(),
    )
    const volumes = keys.map((key) => volumeWith(key.volumeId, [key]))
    const { actions } = await device.report(volumes)
    expect(actions.map(({ id }) => id).toSorted()).toEqual(items.map(({ id }) => id).toSorted())
    expect(actions[0]?.trigger).toBe('byHand')
  })

  test('rotates one volume or one protector', async () => {
    const device = await service.device()
    const [one, two] = [await device.escrowNew(), await device.escrowNew()]
    const ofVolume = (await byHand(device, { volumeId: one.volumeId })).json<{
      items: Rotation[]
    }>()
    expect(ofVolume.items.map(({ protectorId }) => protectorId)).toEqual([one.protectorId])
    const ofProtector = (await byHand(device, { protectorId: two.protectorId })).json<{
      items: Rotation[]
    }>()
    expect(ofProtector.items.map(({ protectorId }) => protectorId)).toEqual([two.protectorId])
  })

  test('brings a waiting rotation forward instead of making a second one', async () => {
    const device = await service.device()
    const key = await device.escrowNew()
    const shown = await service.show(key.protectorId)
    const volumes = [volumeWith(key.volumeId, [key])]
    expect((await device.report(volumes)).actions).toEqual([])
    const { items } = (await byHand(device)).json<{ items: Rotation[] }>()
    expect(items.map(({ id }) => id)).toEqual([shown.rotationId])
    expect((await device.report(volumes)).actions).toMatchObject([{ id: shown.rotationId }])
    expect(await rotationsOf(device)).toHaveLength(1)
  })

  test('a later request does not put a waiting rotation off', async () => {
    const device = await service.device()
    const key = await device.escrowNew()
    await byHand(device)
    const [before] = await rotationsOf(device)
    await service.show(key.protectorId)
    const [after] = await rotationsOf(device)
    expect(after?.notBefore).toBe(before?.notBefore)
  })

  test.each([
    ['a device without keys', async (device: TestDevice) => byHand(device)],
    [
      'a protector that is not stored',
      async (device: TestDevice) => byHand(device, { protectorId: randomUUID() }),
    ],
  ])('refuses %s', async (_, attempt) => {
    const response = await attempt(await service.device())
    expect(response.json()).toMatchObject({
      status: 409,
      code: 'NOTHING_TO_ROTATE',
      detail: 'This device has no active stored recovery password that matches.',
    })
  })

  test('an unknown device is not found', async () => {
    const response = await service.admin('POST', `/api/v1/devices/${randomUUID()}/rotations`, {})
    expect(response.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
  })

  test('requests at once leave one open rotation per key', async () => {
    const device = await service.device()
    await device.escrowNew()
    await Promise.all(Array.from({ length: 6 }, () => byHand(device)))
    expect(await rotationsOf(device)).toHaveLength(1)
  })
})

describe('a rotation that fails', () => {
  test('is tried again later, further apart each time, and keeps its cause', async () => {
    const device = await service.device()
    const key = await device.escrowNew()
    await byHand(device)
    const volumes = [volumeWith(key.volumeId, [key])]
    for (const [attempt, delaySeconds] of [
      [1, 300],
      [2, 600],
      [3, 1200],
    ] as const) {
      const [action] = (await device.report(volumes)).actions
      service.deps.clock.advance(1)
      const failed = { id: action!.id, state: 'failed' as const, detailCode: '0x8031002F' }
      const answer = await device.report(volumes, [failed])
      expect(answer.actions).toEqual([])
      const [newest, last] = await rotationsOf(device)
      expect(last).toMatchObject({ state: 'failed', attempt, detailCode: '0x8031002F' })
      expect(newest).toMatchObject({ state: 'requested', attempt: attempt + 1, trigger: 'retry' })
      const waits = Date.parse(newest!.notBefore) - service.deps.clock.now().getTime()
      expect(waits).toBe(delaySeconds * 1000)
      service.deps.clock.advance(delaySeconds)
    }
    const entries = await service.auditEntries()
    expect(entries.findLast(({ action }) => action === 'rotation.finish')).toMatchObject({
      outcome: 'failed',
      detail: { state: 'failed', detailCode: '0x8031002F' },
    })
  })

  test('is not tried again where the device cannot do it', async () => {
    const device = await service.device()
    const key = await device.escrowNew()
    const shown = await service.show(key.protectorId)
    await byHand(device)
    const volumes = [volumeWith(key.volumeId, [key])]
    await device.report(volumes)
    await device.report(volumes, [{ id: shown.rotationId!, state: 'notSupported' }])
    expect(await rotationsOf(device)).toMatchObject([{ state: 'notSupported' }])
    // And the password is still exposed, for everybody to see.
    const { exposures } = await service.detail(device.deviceId)
    expect(exposures).toMatchObject([{ state: 'open', rotationState: 'notSupported' }])
  })
})

describe('the list', () => {
  test('has pages, newest first, and filters', async () => {
    await using own = await TestService.start({ rotationDelaySeconds: 0 })
    const device = await own.device()
    const ids: string[] = []
    for (let index = 0; index < 5; index += 1) {
      const { protectorId } = await device.escrowNew()
      ids.unshift((await own.show(protectorId)).rotationId!)
      own.deps.clock.advance(1)
    }
    const seen: string[] = []
    for (let after = ''; ;) {
      const url = `/api/v1/rotations?limit=2&state=requested${after}`
      const page = (await own.admin('GET', url)).json<{ items: Rotation[]; nextAfter?: string }>()
      seen.push(...page.items.map(({ id }) => id))
      if (page.nextAfter === undefined) break
      after = `&after=${page.nextAfter}`
    }
    expect(seen).toEqual(ids)
    const none = await own.admin('GET', '/api/v1/rotations?state=done')
    expect(none.json()).toEqual({ items: [] })
    const other = await own.admin('GET', `/api/v1/rotations?deviceId=${randomUUID()}`)
    expect(other.json()).toEqual({ items: [] })
  })

  test.each(['state=open', 'limit=x', 'deviceId=1', 'limit=-1', 'foo=1'])(
    'refuses ?%s',
    async (query) => {
      const response = await service.admin('GET', `/api/v1/rotations?${query}`)
      expect(response.json()).toMatchObject({ status: 400, code: 'INVALID_REQUEST' })
    },
  )
})
