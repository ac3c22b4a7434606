/**
 * Administrative units and device groups: who may make them and see their members, and that a
 * rule's members are always what the rule says, also when rules and devices change at once.
 */

import { randomUUID } from 'node:crypto'
import type { DeviceSet, DeviceSetMemberPage, MembershipRulePreview } from '@keydesk/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DirectoryTest } from '../testing/directory-test.ts'
import { insertTestUnit } from '../testing/test-scopes.ts'
import { lockRules } from './rule-queries.ts'
import type { TestDevice } from '../testing/test-device.ts'

const UNITS = '/api/v1/administrative-units'
const GROUPS = '/api/v1/device-groups'
const MANAGE_UNITS = 'microsoft.directory/administrativeUnits/allProperties/allTasks'
const SEE_UNITS = 'microsoft.directory/administrativeUnits/standard/read'
const SEE_DEVICES = 'microsoft.directory/devices/standard/read'

let directory: DirectoryTest
beforeAll(async () => {
  directory = await DirectoryTest.start()
})
afterAll(async () => directory[Symbol.asyncDispose]())

const add = async (more: object = {}, path = UNITS): Promise<DeviceSet> => {
  const body = { displayName: `set-${randomUUID()}`, ...more }
  const response = await directory.admin('POST', path, body)
  expect(response.statusCode).toBe(201)
  return response.json<DeviceSet>()
}

const memberIds = async (set: DeviceSet, path = UNITS): Promise<string[]> =>
  (await directory.admin('GET', `${path}/${set.id}/members?limit=200`))
    .json<DeviceSetMemberPage>()
    .items.map(({ id }) => id)

/** A report of another name, which enrolment and the last report did not have. */
const rename = async (device: TestDevice, name: string): Promise<void> => {
  const body = { agentVersion: '1', device: { name }, volumes: [], actions: [] }
  const response = await device.send({ url: '/device/v1/check-in', body })
  expect(response.statusCode).toBe(200)
}

describe('who may not', () => {
  test('a scoped administrator lists only his devices, and no units', async () => {
    const [mine, other] = [await directory.service.device(), await directory.service.device()]
    const unitId = await insertTestUnit(directory.service.deps.db, [mine.deviceId])
    const caller = await directory.caller([SEE_DEVICES, SEE_UNITS], {
      type: 'administrativeUnit',
      id: unitId,
    })
    const devices = (await caller('GET', '/api/v1/devices')).json<{ items: { id: string }[] }>()
    expect(devices.items.map(({ id }) => id)).toEqual([mine.deviceId])
    expect((await caller('GET', `/api/v1/devices/${other.deviceId}`)).json()).toMatchObject({
      code: 'NOT_FOUND',
    })
    expect((await caller('GET', UNITS)).json()).toMatchObject({ code: 'FORBIDDEN' })
  })

  test('whoever sees units and only some devices sees, counts and previews only those', async () => {
    const [mine, other] = [await directory.service.device(), await directory.service.device()]
    const rule = `device.displayName -in ["${mine.name}", "${other.name}"]`
    const unit = await add({ membershipRule: rule })
    const caller = await directory.caller([SEE_UNITS, MANAGE_UNITS])
    await directory.assign(caller.userId, await directory.role([SEE_DEVICES]), {
      type: 'device',
      id: mine.deviceId,
    })
    expect((await caller('GET', `${UNITS}/${unit.id}`)).json()).toMatchObject({ memberCount: 1 })
    const members = (await caller('GET', `${UNITS}/${unit.id}/members`)).json<DeviceSetMemberPage>()
    expect(members.items.map(({ id }) => id)).toEqual([mine.deviceId])
    const preview = await caller('POST', `${UNITS}/preview`, { membershipRule: rule })
    expect(preview.json()).toMatchObject({ deviceCount: 1, devices: [{ id: mine.deviceId }] })
    const group = await add()
    const url = `${UNITS}/${group.id}/members`
    const unseen = await caller('POST', url, { add: [other.deviceId] })
    expect(unseen.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
  })

  test('nobody moves a device into a unit without the permission', async () => {
    const device = await directory.service.device()
    const unit = await add()
    const caller = await directory.caller([SEE_UNITS, SEE_DEVICES, 'keydesk/deviceGroups/manage'])
    const body = { add: [device.deviceId] }
    const refused = await caller('POST', `${UNITS}/${unit.id}/members`, body)
    expect(refused.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
    // Nor by the routes of the other kind, whose permission he has.
    const sideways = await caller('POST', `${GROUPS}/${unit.id}/members`, body)
    expect(sideways.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    expect(await memberIds(unit)).toEqual([])
  })

  test('devices of a unit that scopes roles are changed only by whoever may give roles', async () => {
    const device = await directory.service.device()
    const unit = await add()
    const scope = { type: 'administrativeUnit', id: unit.id } as const
    await directory.caller(['microsoft.directory/bitlockerKeys/key/read'], scope)
    const caller = await directory.caller([SEE_UNITS, SEE_DEVICES, MANAGE_UNITS])
    const url = `${UNITS}/${unit.id}`
    for (const response of [
      await caller('POST', `${url}/members`, { add: [device.deviceId] }),
      await caller('PATCH', url, { membershipRule: 'device.displayName -like "*"' }),
    ]) {
      expect(response.json()).toMatchObject({
        code: 'FORBIDDEN',
        detail: expect.stringContaining('roleAssignments') as string,
      })
    }
    expect(await memberIds(unit)).toEqual([])
    const allowed = await directory.admin('POST', `${url}/members`, { add: [device.deviceId] })
    expect(allowed.json()).toEqual({ added: 1, removed: 0 })
  })

  test('nobody moves a device out of a group whose keys need a second person', async () => {
    const { db } = directory.service.deps
    const device = await directory.service.device()
    const group = await add({}, GROUPS)
    const url = `${GROUPS}/${group.id}`
    await directory.admin('POST', `${url}/members`, { add: [device.deviceId] })
    const caller = await directory.caller([SEE_DEVICES, 'keydesk/deviceGroups/manage'])
    await db
      .insertInto('approval_rule')
      .values({
        id: randomUUID(),
        device_set_id: group.id,
        created_by: caller.userId,
        created_at: new Date(),
      })
      .execute()
    const csv = `deviceId,deviceGroups\n${device.deviceId},\n`
    const imported = await caller('POST', '/api/v1/devices/import', csv)
    expect(imported.json()).toMatchObject({ applied: false, errors: [{ column: 'deviceGroups' }] })
    const removed = await caller('POST', `${url}/members`, { remove: [device.deviceId] })
    expect(removed.json()).toMatchObject({
      code: 'FORBIDDEN',
      detail: expect.stringContaining('disclosureRules') as string,
    })
    expect((await caller('DELETE', url)).json()).toMatchObject({ status: 409, code: 'IN_USE' })
    expect(await memberIds(group, GROUPS)).toEqual([device.deviceId])
  })

  test('a unit that scopes roles is not deleted, and the refusal says how many', async () => {
    const unit = await add()
    for (let count = 0; count < 2; count += 1) {
      await directory.caller([SEE_DEVICES], { type: 'administrativeUnit', id: unit.id })
    }
    const response = await directory.admin('DELETE', `${UNITS}/${unit.id}`)
    expect(response.json()).toMatchObject({
      status: 409,
      code: 'IN_USE',
      detail: expect.stringMatching(/^2 role assignments /) as string,
    })
  })
})

describe('assigned members', () => {
  test('come and go once, each with its entry', async () => {
    const device = await directory.service.device()
    const set = await add({}, GROUPS)
    const url = `${GROUPS}/${set.id}/members`
    const body = { add: [device.deviceId, device.deviceId] }
    expect((await directory.admin('POST', url, body)).json()).toEqual({ added: 1, removed: 0 })
    expect((await directory.admin('POST', url, body)).json()).toEqual({ added: 0, removed: 0 })
    const both = { add: [device.deviceId], remove: [device.deviceId] }
    expect((await directory.admin('POST', url, both)).json()).toEqual({ added: 0, removed: 0 })
    const gone = await directory.admin('POST', url, { remove: [device.deviceId, randomUUID()] })
    expect(gone.json()).toEqual({ added: 0, removed: 1 })
    const about = { deviceSetId: set.id }
    expect(await directory.entriesOf('deviceGroup.addDevice', about)).toMatchObject([
      { deviceId: device.deviceId },
    ])
    expect(await directory.entriesOf('deviceGroup.removeDevice', about)).toHaveLength(1)
  })

  test('an unknown device leaves everything as it was', async () => {
    const device = await directory.service.device()
    const set = await add()
    const body = { add: [device.deviceId, randomUUID()] }
    const response = await directory.admin('POST', `${UNITS}/${set.id}/members`, body)
    expect(response.json()).toMatchObject({ code: 'NOT_FOUND' })
    expect(await memberIds(set)).toEqual([])
  })

  test('are not mixed with a rule', async () => {
    const device = await directory.service.device()
    const set = await add({ membershipRule: 'device.displayName -eq "none"' })
    const url = `${UNITS}/${set.id}`
    const refused = await directory.admin('POST', `${url}/members`, { add: [device.deviceId] })
    expect(refused.json()).toMatchObject({ status: 409, code: 'MEMBERS_BY_RULE' })
    await directory.admin('PATCH', url, {
      membershipRule: `device.displayName -eq "${device.name}"`,
    })
    await directory.admin('PATCH', url, { membershipRule: null })
    // The last members by rule are now the assigned ones, and stay.
    await rename(device, 'renamed')
    expect(await memberIds(set)).toEqual([device.deviceId])
  })
})

describe('a rule', () => {
  test('selects devices that are there, that enrol, and that change', async () => {
    const prefix = `R${randomUUID().slice(0, 6)}-`
    const there = await directory.service.device(`${prefix}1`)
    const leaves = await directory.service.device(`${prefix}2`)
    const comes = await directory.service.device()
    const rule = `device.displayName -startsWith "${prefix.toLowerCase()}"`
    const preview = (
      await directory.admin('POST', `${UNITS}/preview`, { membershipRule: rule })
    ).json<MembershipRulePreview>()
    expect(preview).toMatchObject({ deviceCount: 2, devices: [{ name: `${prefix}1` }, {}] })
    const set = await add({ membershipRule: rule })
    expect(set.memberCount).toBe(2)
    const enrolls = await directory.service.device(`${prefix}3`)
    await rename(leaves, 'other')
    await rename(comes, `${prefix}4`)
    expect(await memberIds(set)).toEqual([there.deviceId, enrolls.deviceId, comes.deviceId])
    const about = { deviceSetId: set.id }
    expect(await directory.entriesOf('administrativeUnit.addDevice', about)).toMatchObject([
      { deviceId: enrolls.deviceId, actor: { type: 'system' }, detail: { byRule: true } },
      { deviceId: comes.deviceId },
    ])
    const [removed] = await directory.entriesOf('administrativeUnit.removeDevice', about)
    expect(removed?.deviceId).toBe(leaves.deviceId)
  })

  test('that is wrong is refused with the place, and nothing is made', async () => {
    const displayName = `set-${randomUUID()}`
    const body = { displayName, membershipRule: 'device.displayName -eq DE' }
    const response = await directory.admin('POST', UNITS, body)
    expect(response.json()).toMatchObject({
      status: 422,
      code: 'MEMBERSHIP_RULE_INVALID',
      detail: expect.stringContaining('At character 24') as string,
    })
    const list = await directory.admin('GET', `${UNITS}?search=${displayName}`)
    expect(list.json()).toEqual({ items: [] })
  })

  test('and devices that change at the same moment leave no stale member', async () => {
    await using own = await DirectoryTest.start()
    const devices = await Promise.all(
      Array.from({ length: 6 }, async () => own.service.device(`A-${randomUUID().slice(0, 8)}`)),
    )
    const rules = ['device.displayName -startsWith "A-"', 'device.displayName -startsWith "B-"']
    const body = { displayName: 'raced', membershipRule: rules[0] }
    const { id } = (await own.admin('POST', UNITS, body)).json<DeviceSet>()
    for (let round = 0; round < 8; round += 1) {
      const letter = round % 2 === 0 ? 'B' : 'A'
      await Promise.all([
        own.admin('PATCH', `${UNITS}/${id}`, { membershipRule: rules[(round + 1) % 2] }),
        ...devices.map(async (device, index) =>
          rename(device, `${(index + round) % 3 === 0 ? 'A' : letter}-${index}-${round}`),
        ),
        own.service.device(`${letter}-new-${round}`),
      ])
      const set = (await own.admin('GET', `${UNITS}/${id}`)).json<DeviceSet>()
      const wanted = (
        await own.admin('POST', `${UNITS}/preview`, { membershipRule: set.membershipRule })
      ).json<MembershipRulePreview>()
      const members = (await own.admin('GET', `${UNITS}/${id}/members`)).json<DeviceSetMemberPage>()
      expect(members.items.map((member) => member.id).toSorted()).toEqual(
        wanted.devices.map((device) => device.id).toSorted(),
      )
    }
  })

  test('is not asked about when a device reports the same again', async () => {
    await using own = await DirectoryTest.start()
    const device = await own.service.device()
    await device.report([])
    // A lock that a placement would wait for.
    await own.service.deps.db.transaction().execute(async (trx) => {
      await lockRules(trx)
      expect(await device.report([])).toMatchObject({ actions: [] })
    })
  })
})
