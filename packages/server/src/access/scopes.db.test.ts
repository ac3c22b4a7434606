/**
 * What is out of scope is not there: lists leave it out, and to ask for it by name is answered as
 * if nobody had it. Denies by unit and by device take it out of every list.
 */

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestDevice } from '../testing/test-device.ts'
import { TestPerson, type TestRole } from '../testing/test-person.ts'
import { insertTestAssignment, insertTestUnit } from '../testing/test-scopes.ts'
import { TestService } from '../testing/test-service.ts'

const HELPDESK = '729827e3-9c14-49f7-bb1b-9608f156bbb8'

let service: TestService
let near: TestDevice
let far: TestDevice
let nearKey: string
let farKey: string
let unit: string
let farUnit: string
beforeAll(async () => {
  service = await TestService.start()
  near = await service.device()
  far = await service.device()
  nearKey = (await near.escrowNew()).protectorId
  farKey = (await far.escrowNew()).protectorId
  unit = await insertTestUnit(service.deps.db, [near.deviceId])
  farUnit = await insertTestUnit(service.deps.db, [far.deviceId])
  // So that there is an exposure and a rotation of each.
  await service.show(nearKey)
  await service.show(farKey)
})
afterAll(async () => service[Symbol.asyncDispose]())

const inUnit = (id: string) => ({ type: 'administrativeUnit', id }) as const

/** People who reach the near device and not the far one, each in another way. */
const scoped: [string, () => TestRole[]][] = [
  ['by its unit', () => [{ roleId: HELPDESK, scope: inUnit(unit) }]],
  ['by itself', () => [{ roleId: HELPDESK, scope: { type: 'device', id: near.deviceId } }]],
  [
    'by a deny of the other unit',
    () => [{ roleId: HELPDESK }, { roleId: HELPDESK, effect: 'deny', scope: inUnit(farUnit) }],
  ],
  [
    'by a deny of the other device',
    () => [
      { roleId: HELPDESK },
      { roleId: HELPDESK, effect: 'deny', scope: { type: 'device', id: far.deviceId } },
    ],
  ],
  [
    'by its unit, though another role is denied there',
    () => [
      { roleId: HELPDESK, scope: inUnit(unit) },
      {
        roleId: 'e8611ab8-c189-46e8-94e1-60213ab1f814',
        effect: 'deny',
        scope: { type: 'device', id: far.deviceId },
      },
    ],
  ],
]

describe.each(scoped)('whoever reaches a device %s', (_, roles) => {
  let person: TestPerson
  beforeAll(async () => {
    person = await TestPerson.create(service, ...roles())
  })

  test.each([
    ['devices', () => '/api/v1/devices'],
    ['exposures', () => '/api/v1/exposures'],
    ['rotations', () => '/api/v1/rotations'],
    [
      'keys of a device',
      (device: TestDevice) => `/api/v1/recovery-keys?deviceId=${device.deviceId}`,
    ],
    [
      'keys by their ID',
      (_device: TestDevice, key: string) => `/api/v1/recovery-keys?keyId=${key}`,
    ],
  ])('finds it and not the other one among %s', async (_name, url) => {
    const found = await person.call('GET', url(near, nearKey))
    expect(found.statusCode).toBe(200)
    expect(found.body).toContain(near.deviceId)
    expect(found.body).not.toContain(far.deviceId)
    const other = await person.call('GET', url(far, farKey))
    expect(other.statusCode).toBe(200)
    expect(other.body).not.toContain(far.deviceId)
  })

  test('is shown its key, and of the other one hears what he hears of none', async () => {
    expect((await person.disclose(nearKey)).statusCode).toBe(201)
    const unknown = (await person.disclose(randomUUID())).json<object>()
    expect(unknown).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    const outOfScope = (await person.disclose(farKey)).json<object>()
    expect({ ...outOfScope, requestId: '' }).toEqual({ ...unknown, requestId: '' })
    const byDevice = (await person.disclose(farKey, { deviceId: far.deviceId })).json<object>()
    expect({ ...byDevice, requestId: '' }).toEqual({ ...unknown, requestId: '' })
  })

  test('cannot have the other one’s key replaced', async () => {
    const url = (id: string) => `/api/v1/devices/${id}/rotations`
    const unknown = (await person.call('POST', url(randomUUID()), {})).json<object>()
    expect(unknown).toMatchObject({ status: 404, detail: 'There is no device with this ID.' })
    const outOfScope = (await person.call('POST', url(far.deviceId), {})).json<object>()
    expect({ ...outOfScope, requestId: '' }).toEqual({ ...unknown, requestId: '' })
  })
})

test('a right ends with its time, a deny too, and a device that leaves a unit leaves its scope', async () => {
  const { db, clock } = service.deps
  const person = await TestPerson.create(service, { roleId: HELPDESK })
  const status = async () =>
    (await person.call('GET', `/api/v1/devices/${near.deviceId}`)).statusCode
  expect(await status()).toBe(200)
  const principalId = person.id
  await insertTestAssignment(db, {
    principalId,
    roleId: HELPDESK,
    effect: 'deny',
    scope: inUnit(unit),
    expiresAt: new Date(clock.now().getTime() + 1000),
  })
  expect(await status()).toBe(404)
  clock.advance(1)
  expect(await status()).toBe(200)
  const scopedPerson = await TestPerson.create(service, { roleId: HELPDESK, scope: inUnit(unit) })
  const scopedStatus = async () =>
    (await scopedPerson.call('GET', `/api/v1/devices/${near.deviceId}`)).statusCode
  expect(await scopedStatus()).toBe(200)
  await db.deleteFrom('device_set_member').where('device_set_id', '=', unit).execute()
  expect(await scopedStatus()).toBe(404)
})
