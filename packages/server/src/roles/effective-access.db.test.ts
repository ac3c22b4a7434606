/** Who could be shown a key, what somebody may do, and why: each reason is told. */

import { randomUUID } from 'node:crypto'
import { BUILT_IN_ROLES, type DeviceAccessPage, type PrincipalAccess } from '@keydesk/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { insertTestGroup, insertTestUser } from '../testing/test-people.ts'
import { TestPerson } from '../testing/test-person.ts'
import {
  insertTestApp,
  insertTestAssignment,
  insertTestDevice,
  insertTestRole,
  insertTestUnit,
} from '../testing/test-scopes.ts'
import { TestService } from '../testing/test-service.ts'

const HELPDESK = '729827e3-9c14-49f7-bb1b-9608f156bbb8'
const GLOBAL_READER = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451'
const REPORTS_READER = '4a5d8f65-41da-4de4-8968-e035b65339cf'
const WITH_APPROVAL = 'keydesk/bitlockerKeys/key/readWithApproval'
const RECORDS = 'microsoft.directory/auditLogs/allProperties/read'

let service: TestService
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => service[Symbol.asyncDispose]())

async function accessTo(deviceId: string, query = ''): Promise<DeviceAccessPage['items']> {
  const response = await service.admin(
    'GET',
    `/api/v1/devices/${deviceId}/access?limit=200${query}`,
  )
  expect(response.statusCode).toBe(200)
  return response.json<DeviceAccessPage>().items
}

describe('who could read the key of a device, and why', () => {
  test('each way is told: role, group, unit, app role; and what is denied', async () => {
    const { db } = service.deps
    const device = await insertTestDevice(db, { name: 'PC-LOBBY' })
    const unit = await insertTestUnit(db, [device])
    const direct = await insertTestUser(db, { display_name: 'Direct' })
    const member = await insertTestUser(db, { display_name: 'Member' })
    const denied = await insertTestUser(db, { display_name: 'Denied' })
    const disabled = await insertTestUser(db, { is_active: false })
    const group = await insertTestGroup(db, [{ id: member }, { id: denied }, { id: disabled }])
    const app = await insertTestApp(db, { app_roles: ['BitLockerKey.Read.All'] })
    const offApp = await insertTestApp(db, {
      app_roles: ['BitlockerKey.Read.All'],
      is_enabled: false,
    })
    const scope = { type: 'administrativeUnit', id: unit } as const
    const own = await insertTestAssignment(db, {
      principalId: direct,
      roleId: HELPDESK,
      scope: { type: 'device', id: device },
    })
    const byGroup = await insertTestAssignment(db, { principalId: group, roleId: HELPDESK, scope })
    const deny = await insertTestAssignment(db, {
      principalId: denied,
      roleId: GLOBAL_READER,
      effect: 'deny',
    })
    const items = await accessTo(device)
    const about = (id: string) => items.find(({ principal }) => principal.id === id)
    expect(about(direct)).toMatchObject({
      isAllowed: true,
      allowedBy: [
        {
          by: 'roleAssignment',
          roleAssignmentId: own,
          role: { displayName: 'Helpdesk Administrator' },
          scope: `/devices/${device}`,
          scopeName: 'PC-LOBBY',
        },
      ],
      deniedBy: [],
    })
    expect(about(member)).toMatchObject({
      isAllowed: true,
      allowedBy: [
        { roleAssignmentId: byGroup, scope: `/administrativeUnits/${unit}`, group: { id: group } },
      ],
    })
    expect(about(denied)).toMatchObject({
      isAllowed: false,
      allowedBy: [{ roleAssignmentId: byGroup }],
      deniedBy: [{ roleAssignmentId: deny, scope: '/' }],
    })
    expect(about(app)).toMatchObject({
      isAllowed: true,
      allowedBy: [{ by: 'appRole', appRole: 'BitLockerKey.Read.All', scope: '/' }],
    })
    expect([about(disabled), about(offApp), about(group)]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  test('the owner is told by self-service, with the condition that fails', async () => {
    const owner = await TestPerson.create(service)
    const device = await service.device()
    await owner.own(device.deviceId)
    const about = async () =>
      (await accessTo(device.deviceId)).find(({ principal }) => principal.id === owner.id)
    expect(await about()).toMatchObject({
      isAllowed: false,
      allowedBy: [],
      deniedBy: [
        { by: 'ownership', refusal: expect.stringContaining('No recovery key of') as string },
      ],
    })
    await device.escrowNew()
    expect(await about()).toMatchObject({
      isAllowed: true,
      allowedBy: [{ by: 'ownership' }],
      deniedBy: [],
    })
  })

  test('who is shown it with an approval only is told as such', async () => {
    const { db } = service.deps
    const device = await service.device()
    const { protectorId } = await device.escrowNew()
    const asker = await TestPerson.create(service, {
      roleId: await insertTestRole(service.deps.db, [WITH_APPROVAL]),
    })
    const about = async (query?: string) =>
      (await accessTo(device.deviceId, query)).find(({ principal }) => principal.id === asker.id)
    const way = { by: 'roleAssignment', scope: '/' }
    expect(await about()).toMatchObject({
      isAllowed: true,
      onlyWithApproval: true,
      allowedBy: [{ ...way, withApproval: true }],
      deniedBy: [],
    })
    expect((await asker.disclose(protectorId)).json()).toMatchObject({ code: 'APPROVAL_REQUIRED' })
    const denied = { principalId: asker.id, roleId: HELPDESK, effect: 'deny' } as const
    await insertTestAssignment(db, denied)
    for (const query of [undefined, `&permission=${WITH_APPROVAL}`]) {
      expect(await about(query)).toMatchObject({ isAllowed: false, deniedBy: [way] })
    }
    const url = `/api/v1/users/${asker.id}/access`
    const { permissions } = (await service.admin('GET', url)).json<PrincipalAccess>()
    const row = permissions.find(({ permission }) => permission === WITH_APPROVAL)
    expect(row).toMatchObject({ reach: 'nothing', deniedBy: [expect.any(Number) as number] })
    expect((await asker.disclose(protectorId)).json()).toMatchObject({ code: 'NOT_FOUND' })
  })

  test('it comes in pages, by name, each principal once', async () => {
    const device = await insertTestDevice(service.deps.db)
    const all = await accessTo(device)
    const paged: DeviceAccessPage['items'] = []
    for (let after = ''; ;) {
      const url = `/api/v1/devices/${device}/access?limit=1${after}`
      const page = (await service.admin('GET', url)).json<DeviceAccessPage>()
      paged.push(...page.items)
      if (page.nextAfter === undefined) break
      after = `&after=${page.nextAfter}`
    }
    expect(all.length).toBeGreaterThan(1)
    expect(paged).toEqual(all)
  })

  test('what is held for the whole directory only is no question about a device', async () => {
    const device = await insertTestDevice(service.deps.db)
    const url = `/api/v1/devices/${device}/access?permission=${RECORDS}`
    expect((await service.admin('GET', url)).json()).toMatchObject({ code: 'INVALID_REQUEST' })
  })
})

describe('what somebody can do, and why', () => {
  test('a disabled person is told as such, and an unknown one is not there', async () => {
    const { db } = service.deps
    const id = await insertTestUser(db, { is_active: false })
    const assignmentId = await insertTestAssignment(db, { principalId: id, roleId: REPORTS_READER })
    const role = BUILT_IN_ROLES.find((one) => one.id === REPORTS_READER)
    const access = (
      await service.admin('GET', `/api/v1/users/${id}/access`)
    ).json<PrincipalAccess>()
    expect(access).toMatchObject({ isActive: false, reasons: [{ roleAssignmentId: assignmentId }] })
    expect(access.permissions.map(({ permission }) => permission).toSorted()).toEqual(
      role?.permissions.toSorted(),
    )
    expect(access.permissions[0]).toMatchObject({
      reach: 'everything',
      allowedBy: [0],
      deniedBy: [],
    })
    for (const kind of ['users', 'apps']) {
      const response = await service.admin('GET', `/api/v1/${kind}/${randomUUID()}/access`)
      expect(response.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    }
  })
})

test('a scope follows the device: a change of owner takes nothing from its helpdesk', async () => {
  const { db } = service.deps
  const [first, second] = [await insertTestUser(db), await insertTestUser(db)]
  const device = await service.device()
  const { protectorId } = await device.escrowNew()
  const unit = await insertTestUnit(db, [device.deviceId])
  const scope = { type: 'administrativeUnit', id: unit } as const
  const helpdesk = await TestPerson.create(service, { roleId: HELPDESK, scope })
  for (const userId of [first, second]) {
    const url = `/api/v1/devices/${device.deviceId}/owner`
    expect((await service.admin('PUT', url, { userId })).statusCode).toBe(200)
    expect((await helpdesk.call('GET', `/api/v1/devices/${device.deviceId}`)).statusCode).toBe(200)
    expect((await helpdesk.disclose(protectorId)).statusCode).toBe(201)
  }
  // And it ends where the device leaves the unit.
  await db.deleteFrom('device_set_member').where('device_set_id', '=', unit).execute()
  expect((await helpdesk.disclose(protectorId)).json()).toMatchObject({
    status: 404,
    code: 'NOT_FOUND',
  })
})
