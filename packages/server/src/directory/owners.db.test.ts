/** To whom a device belongs: who may say so, what follows, and that scopes do not follow. */

import { randomUUID } from 'node:crypto'
import type { DeviceOwnership, OwnedDevicePage } from '@keydesk/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DirectoryTest } from '../testing/directory-test.ts'
import { testRole } from '../testing/test-approval-scene.ts'
import { insertTestUser } from '../testing/test-people.ts'
import { TestPerson } from '../testing/test-person.ts'
import { TestProgram } from '../testing/test-program.ts'
import { insertTestUnit } from '../testing/test-scopes.ts'

const SEE_DEVICES = 'microsoft.directory/devices/standard/read'
const SEE_OWNERS = 'microsoft.directory/devices/registeredOwners/read'
const CHANGE_OWNERS = 'microsoft.directory/devices/registeredOwners/update'
const READ_KEYS = 'microsoft.directory/bitlockerKeys/key/read'

let directory: DirectoryTest
beforeAll(async () => {
  directory = await DirectoryTest.start()
})
afterAll(async () => directory[Symbol.asyncDispose]())

const person = async (): Promise<string> => await insertTestUser(directory.service.deps.db)
const ownerUrl = (deviceId: string): string => `/api/v1/devices/${deviceId}/owner`
const ownership = async (deviceId: string): Promise<DeviceOwnership> =>
  (await directory.admin('GET', ownerUrl(deviceId))).json<DeviceOwnership>()

describe('an owner change', () => {
  test('is recorded, and has the recovery passwords of the device replaced at once', async () => {
    const [one, two] = [await person(), await person()]
    const device = await directory.service.device()
    const keys = [await device.escrowNew(), await device.escrowNew()]
    await directory.setOwner(device.deviceId, one)
    // The first owner knows nothing that another one knew.
    expect((await directory.service.detail(device.deviceId)).rotations).toEqual([])
    await directory.setOwner(device.deviceId, two)
    await directory.setOwner(device.deviceId, two)
    const { owner, history } = await ownership(device.deviceId)
    expect(owner?.id).toBe(two)
    expect(history).toMatchObject([
      { from: { id: one }, to: { id: two }, cause: 'byHand' },
      { to: { id: one }, cause: 'byHand' },
    ])
    const { rotations } = await directory.service.detail(device.deviceId)
    expect(rotations.map(({ protectorId }) => protectorId).toSorted()).toEqual(
      keys.map(({ protectorId }) => protectorId).toSorted(),
    )
    expect(rotations).toMatchObject([{ trigger: 'ownerChange' }, { trigger: 'ownerChange' }])
    const { actions } = await device.report([])
    expect(actions.map(({ trigger }) => trigger)).toEqual(['ownerChange', 'ownerChange'])
    const entries = await directory.entriesOf('device.ownerChange', { toUserId: two })
    expect(entries).toMatchObject([
      { deviceId: device.deviceId, detail: { cause: 'byHand', fromUserId: one } },
    ])
  })

  test('to nobody opens a rotation too', async () => {
    const device = await directory.service.device()
    await device.escrowNew()
    await directory.setOwner(device.deviceId, await person())
    const response = await directory.admin('DELETE', ownerUrl(device.deviceId))
    expect(response.json<DeviceOwnership>().owner).toBeUndefined()
    expect((await directory.service.detail(device.deviceId)).rotations).toHaveLength(1)
    await directory.admin('DELETE', ownerUrl(device.deviceId))
    expect((await ownership(device.deviceId)).history).toHaveLength(2)
  })

  test('at the same moment as others leaves one owner, and a history without gaps', async () => {
    const device = await directory.service.device()
    const people = await Promise.all(Array.from({ length: 6 }, person))
    await Promise.all(people.map(async (id) => directory.setOwner(device.deviceId, id)))
    const { owner, history } = await ownership(device.deviceId)
    expect(history).toHaveLength(6)
    expect(history[0]?.to?.id).toBe(owner?.id)
    for (const [index, { from }] of history.entries()) {
      expect(from?.id).toBe(history[index + 1]?.to?.id)
    }
  })

  test('and the deletion of the new owner at the same moment never leaves a deleted owner', async () => {
    for (let round = 0; round < 5; round += 1) {
      const device = await directory.service.device()
      const userId = await person()
      await Promise.all([
        directory.admin('PUT', ownerUrl(device.deviceId), { userId }),
        directory.admin('DELETE', `/api/v1/users/${userId}`),
      ])
      expect((await ownership(device.deviceId)).owner).toBeUndefined()
    }
  })

  test('to somebody who does not exist is refused', async () => {
    const device = await directory.service.device()
    const body = { userId: randomUUID() }
    const response = await directory.admin('PUT', ownerUrl(device.deviceId), body)
    expect(response.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
  })

  test('history cannot be rewritten in the database', async () => {
    const device = await directory.service.device()
    await directory.setOwner(device.deviceId, await person())
    const { db } = directory.service.deps
    await expect(db.deleteFrom('device_owner_change').execute()).rejects.toThrow('only added')
  })
})

describe('who may not', () => {
  test('nobody makes himself the owner, whatever his role: a rule about the role would not bind him', async () => {
    const { service } = directory
    const intune = testRole('Intune Administrator')
    const rules = await TestPerson.create(service, testRole('Global Administrator'))
    const rule = await rules.call('POST', '/api/v1/approval-rules', intune)
    expect(rule.statusCode).toBe(201)
    const { id: ruleId } = rule.json<{ id: string }>()
    const [thief, device] = [await TestPerson.create(service, intune), await service.device()]
    const { protectorId } = await device.escrowNew()
    expect((await thief.disclose(protectorId)).json()).toMatchObject({ code: 'APPROVAL_REQUIRED' })
    const url = ownerUrl(device.deviceId)
    const refusal = {
      status: 403,
      code: 'FORBIDDEN',
      detail: 'Somebody else has to make you the owner of this device.',
    }
    const body = { userId: thief.id }
    expect((await thief.call('PUT', url, body)).json()).toMatchObject(refusal)
    const own = await thief.discloseOwn(device.deviceId, protectorId)
    expect(own.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    // Nor one whose owner is somebody else; and what is so already is no change.
    await directory.setOwner(device.deviceId, await person())
    expect((await thief.call('PUT', url, body)).json()).toMatchObject(refusal)
    await directory.setOwner(device.deviceId, thief.id)
    expect((await thief.call('PUT', url, body)).statusCode).toBe(200)
    expect((await ownership(device.deviceId)).history).toHaveLength(2)
    const removal = await rules.call('DELETE', `/api/v1/approval-rules/${ruleId}`)
    expect(removal.statusCode).toBe(204)
  })

  test('an accomplice is not made the owner by whoever may not read the key', async () => {
    const device = await directory.service.device()
    const scope = { type: 'device', id: device.deviceId } as const
    const caller = await directory.caller([SEE_DEVICES, CHANGE_OWNERS])
    const [url, userId] = [ownerUrl(device.deviceId), await person()]
    const refusal = {
      status: 403,
      code: 'FORBIDDEN',
      detail: `To name an owner of this device needs the permission ${READ_KEYS} for it too.`,
    }
    expect((await caller('PUT', url, { userId })).json()).toMatchObject(refusal)
    // To read the keys of another device is not enough.
    const elsewhere = { type: 'device', id: (await directory.service.device()).deviceId } as const
    const role = await directory.role([READ_KEYS])
    await directory.assign(caller.userId, role, elsewhere)
    expect((await caller('PUT', url, { userId })).json()).toMatchObject(refusal)
    await directory.assign(caller.userId, role, scope)
    expect((await caller('PUT', url, { userId })).statusCode).toBe(200)
  })

  test('to take the owner away needs no right to read keys', async () => {
    const device = await directory.service.device()
    await directory.setOwner(device.deviceId, await person())
    const caller = await directory.caller([SEE_DEVICES, CHANGE_OWNERS])
    expect((await caller('DELETE', ownerUrl(device.deviceId))).statusCode).toBe(200)
    expect((await ownership(device.deviceId)).owner).toBeUndefined()
  })

  test('a program that may not read the key makes nobody the owner', async () => {
    const { service } = directory
    const device = await service.device()
    const program = await TestProgram.create(service)
    await directory.assign(program.id, await directory.role([SEE_DEVICES, CHANGE_OWNERS]))
    const token = await program.token()
    const set = async () =>
      await service.app.inject({
        method: 'PUT',
        url: ownerUrl(device.deviceId),
        headers: { authorization: `Bearer ${token}` },
        payload: { userId: await person() },
      })
    expect((await set()).json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
    await directory.assign(program.id, await directory.role([READ_KEYS]))
    expect((await set()).statusCode).toBe(200)
  })

  test('a permission for one device says nothing about another, and an expired one nothing', async () => {
    const [mine, other] = [await directory.service.device(), await directory.service.device()]
    const scope = { type: 'device', id: mine.deviceId } as const
    const caller = await directory.caller(
      [SEE_DEVICES, SEE_OWNERS, CHANGE_OWNERS, READ_KEYS],
      scope,
    )
    const body = { userId: await person() }
    const there = await caller('PUT', ownerUrl(other.deviceId), body)
    expect(there.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    expect((await caller('PUT', ownerUrl(mine.deviceId), body)).statusCode).toBe(200)
    const late = await directory.caller([])
    const past = new Date(directory.service.deps.clock.now().getTime() - 1000)
    const role = await directory.role([SEE_DEVICES, CHANGE_OWNERS, READ_KEYS])
    await directory.assign(late.userId, role, { type: 'directory' }, past)
    const expired = await late('PUT', ownerUrl(mine.deviceId), body)
    expect(expired.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  })

  test('the owner is named only to whoever may see owners', async () => {
    const device = await directory.service.device()
    await directory.setOwner(device.deviceId, await person())
    const url = `/api/v1/devices/${device.deviceId}`
    const blind = await directory.caller([SEE_DEVICES])
    expect((await blind('GET', url)).json()).not.toHaveProperty('owner')
    const sees = await directory.caller([SEE_DEVICES, SEE_OWNERS])
    expect((await sees('GET', url)).json()).toHaveProperty('owner.displayName')
    const list = await sees('GET', `/api/v1/devices?search=${device.name}`)
    expect(list.json()).toHaveProperty('items.0.owner.userPrincipalName')
  })
})

test('a scoped helpdesk reaches the device after an owner change as before', async () => {
  const device = await directory.service.device()
  const key = await device.escrowNew()
  const unitId = await insertTestUnit(directory.service.deps.db, [device.deviceId])
  const scope = { type: 'administrativeUnit', id: unitId } as const
  const helpdesk = await directory.caller([SEE_DEVICES, READ_KEYS], scope)
  const disclose = async () =>
    await helpdesk('POST', '/api/v1/disclosures', {
      recoveryKeyId: key.protectorId,
      reason: { code: 'recoveryScreen' },
    })
  await directory.setOwner(device.deviceId, await person())
  expect((await disclose()).statusCode).toBe(201)
  await directory.setOwner(device.deviceId, await person())
  expect((await disclose()).statusCode).toBe(201)
})

test('the devices of a user are those that the caller may see', async () => {
  const owner = await person()
  const [mine, other] = [await directory.service.device(), await directory.service.device()]
  await directory.setOwner(mine.deviceId, owner)
  await directory.setOwner(other.deviceId, owner)
  const url = `/api/v1/users/${owner}/devices`
  const all = (await directory.admin('GET', url)).json<OwnedDevicePage>()
  expect(all.items).toHaveLength(2)
  const scope = { type: 'device', id: mine.deviceId } as const
  const caller = await directory.caller([SEE_DEVICES, SEE_OWNERS], scope)
  const some = (await caller('GET', url)).json<OwnedDevicePage>()
  expect(some.items.map(({ id }) => id)).toEqual([mine.deviceId])
  // A user without a device of the caller's does not exist for him, like one that there is not.
  for (const id of [await person(), randomUUID()]) {
    const none = await caller('GET', `/api/v1/users/${id}/devices`)
    expect(none.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
  }
})
