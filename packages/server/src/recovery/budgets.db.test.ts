/** Budgets: whose counts, exact under a race, and somebody is told once. */

import type { DisclosureBudgetList } from '@keydesk/contract'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createGrants } from '../access/grants.ts'
import { HELPDESK, testRole } from '../testing/test-approval-scene.ts'
import { insertTestGroup } from '../testing/test-people.ts'
import { TestPerson } from '../testing/test-person.ts'
import { insertTestAssignment } from '../testing/test-scopes.ts'
import { TestService } from '../testing/test-service.ts'
import type { BudgetLimits } from './budget-limits.ts'
import { withinBudget } from './within-budget.ts'

const INTUNE = testRole('Intune Administrator')
const HOUR = 3600

let service: TestService
let administrator: TestPerson
let person: TestPerson
let keyId: string
beforeAll(async () => {
  service = await TestService.start({ disclosureBudget: { count: 4, windowSeconds: HOUR } })
  administrator = await TestPerson.create(service, testRole('Global Administrator'))
  const device = await service.device()
  keyId = (await device.escrowNew()).protectorId
})
afterAll(async () => service[Symbol.asyncDispose]())
beforeEach(async () => {
  person = await TestPerson.create(service, HELPDESK)
  await administrator.signInAgain()
  for (const { subject } of (await budgets()).items) {
    const url = `/api/v1/disclosure-budgets/${subject.type}s/${subject.id}`
    await administrator.call('DELETE', url)
  }
})

async function budgets(): Promise<DisclosureBudgetList> {
  const response = await administrator.call('GET', '/api/v1/disclosure-budgets')
  return response.json<DisclosureBudgetList>()
}

async function set(subject: string, limits: object): Promise<void> {
  const url = `/api/v1/disclosure-budgets/${subject}`
  expect((await administrator.call('PUT', url, limits)).statusCode).toBe(200)
}

/** How many out of `attempts` one after the other. */
async function shown(attempts: number, by = person): Promise<number> {
  let count = 0
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const response = await by.disclose(keyId)
    const { code } = response.json<{ code?: string }>()
    expect([undefined, 'DISCLOSURE_BUDGET_EXCEEDED']).toContain(code)
    if (response.statusCode === 201) count += 1
  }
  return count
}

describe('which budget counts', () => {
  test('the setting of the server where there is none', async () => {
    expect(await shown(6)).toBe(4)
  })

  test('that of a role that comes by a group', async () => {
    await set(`roles/${INTUNE.roleId}`, { hardPerHour: 2 })
    const groupId = await insertTestGroup(service.deps.db, [{ id: person.id }])
    await insertTestAssignment(service.deps.db, { principalId: groupId, ...INTUNE })
    expect(await shown(4)).toBe(2)
  })

  test('the strictest among roles', async () => {
    await set(`roles/${INTUNE.roleId}`, { hardPerHour: 10, hardPerDay: 3 })
    await set(`roles/${HELPDESK.roleId}`, { hardPerHour: 6 })
    await insertTestAssignment(service.deps.db, { principalId: person.id, ...INTUNE })
    expect(await shown(5)).toBe(3)
  })

  test('a personal one before those of roles, also a wider one', async () => {
    await set(`roles/${HELPDESK.roleId}`, { hardPerHour: 1 })
    await set(`principals/${person.id}`, { hardPerHour: 6 })
    expect(await shown(8)).toBe(6)
  })

  test('the setting too where a budget has soft limits only', async () => {
    await set(`principals/${person.id}`, { softPerDay: 100 })
    expect(await shown(6)).toBe(4)
  })

  test('none at all where a hard limit is 0', async () => {
    await set(`principals/${person.id}`, { hardPerDay: 0 })
    expect(await shown(2)).toBe(0)
  })

  test('of one person is not used up by another, nor by what he sees as an owner', async () => {
    const other = await TestPerson.create(service, HELPDESK)
    const own = await service.device()
    const ownKey = await own.escrowNew()
    await person.own(own.deviceId)
    expect((await person.discloseOwn(own.deviceId, ownKey.protectorId)).statusCode).toBe(201)
    expect(await shown(5, other)).toBe(4)
    expect(await shown(5)).toBe(4)
  })
})

test('the setting bounds an owner too where self-service has no limit', async () => {
  const url = '/api/v1/self-service-policy'
  const without = await administrator.call('PATCH', url, { hourlyLimit: null, dailyLimit: null })
  expect(without.statusCode).toBe(200)
  const own = await service.device()
  const { protectorId } = await own.escrowNew()
  await person.own(own.deviceId)
  for (let count = 0; count < 4; count += 1) {
    expect((await person.discloseOwn(own.deviceId, protectorId)).statusCode).toBe(201)
  }
  expect((await person.discloseOwn(own.deviceId, protectorId)).json()).toMatchObject({
    status: 429,
    code: 'DISCLOSURE_BUDGET_EXCEEDED',
  })
  expect((await administrator.call('PATCH', url, { dailyLimit: 5 })).statusCode).toBe(200)
})

test('a hard limit is exact when many ask at once', async () => {
  await set(`roles/${HELPDESK.roleId}`, { hardPerDay: 3 })
  const responses = await Promise.all(
    Array.from({ length: 12 }, async () => await person.disclose(keyId)),
  )
  expect(responses.filter(({ statusCode }) => statusCode === 201)).toHaveLength(3)
})

test('a used-up budget is told once in its window, however often somebody tries', async () => {
  const alerts = async () =>
    (await service.auditEntries()).filter(
      ({ action, actor }) => action === 'disclosure.budgetAlert' && actor.id === person.id,
    )
  expect(await shown(7)).toBe(4)
  expect(await alerts()).toMatchObject([
    { outcome: 'denied', detail: { limit: 4, windowSeconds: HOUR, isSelfService: false } },
  ])
  const metrics = await service.deps.metrics.registry.metrics()
  expect(metrics).toMatch(/keydesk_disclosure_alerts_total\{kind="budget"\} [1-9]/)
  service.deps.clock.advance(HOUR)
  await person.signInAgain()
  expect(await shown(6)).toBe(4)
  expect(await alerts()).toHaveLength(2)
})

describe('past a soft limit', () => {
  test('each further one needs a sign-in after the one before', async () => {
    await set(`principals/${person.id}`, { softPerHour: 2 })
    const { clock } = service.deps
    for (let index = 0; index < 2; index += 1) {
      clock.advance(1)
      expect((await person.disclose(keyId)).statusCode).toBe(201)
    }
    for (let index = 0; index < 2; index += 1) {
      const refused = await person.disclose(keyId)
      expect(refused.json()).toMatchObject({ status: 401, code: 'STEP_UP_REQUIRED' })
      expect(refused.headers['www-authenticate']).toContain('max_age="0"')
      clock.advance(1)
      await person.signInAgain()
      expect((await person.disclose(keyId)).statusCode).toBe(201)
    }
  })

  test('one sign-in is good for one of many that come at once', async () => {
    await set(`principals/${person.id}`, { softPerHour: 1 })
    expect((await person.disclose(keyId)).statusCode).toBe(201)
    service.deps.clock.advance(1)
    await person.signInAgain()
    const responses = await Promise.all(
      Array.from({ length: 3 }, async () => await person.disclose(keyId)),
    )
    const statuses = responses.map(({ statusCode }) => statusCode)
    expect(statuses.toSorted((a, b) => a - b)).toEqual([201, 401, 401])
  })
})

test('those that share a transaction count for each other', async () => {
  const { db, clock } = service.deps
  const now = clock.now()
  const principal = {
    type: 'user',
    id: person.id,
    name: 'test',
    displayName: 'test',
    authenticatedAt: new Date(now.getTime() - 1000),
    methods: [],
    acr: undefined,
    sessionId: undefined,
    grants: createGrants({ assignments: [], narrowedTo: 'everything' }),
  } as const
  const one = [{ count: 1, windowSeconds: HOUR }]
  const judge = async (limits: BudgetLimits) => {
    const wishes = [1, 2, 3].map(() => ({ principal, isSelfService: false, limits }))
    const refusals = await db
      .transaction()
      .execute((trx) => withinBudget(service.deps, trx, wishes, now))
    return refusals.map((refusal) => refusal?.error.code)
  }
  expect(await judge({ soft: one, hard: [] })).toEqual([
    undefined,
    'STEP_UP_REQUIRED',
    'STEP_UP_REQUIRED',
  ])
  expect(await judge({ soft: [], hard: one })).toEqual([
    undefined,
    'DISCLOSURE_BUDGET_EXCEEDED',
    'DISCLOSURE_BUDGET_EXCEEDED',
  ])
})

test('a stale or weak sign-in shows nothing to staff either', async () => {
  await person.signInAgain({ acr: 'urn:keydesk:acr:password', amr: ['pwd'] })
  expect((await person.disclose(keyId)).json()).toMatchObject({
    status: 401,
    code: 'STEP_UP_REQUIRED',
  })
  await person.signInAgain()
  service.deps.clock.advance(601)
  expect((await person.disclose(keyId)).json()).toMatchObject({ code: 'STEP_UP_REQUIRED' })
})

test('a change is on record with before and after, and not for everybody', async () => {
  const url = `/api/v1/disclosure-budgets/roles/${HELPDESK.roleId}`
  const refused = await person.call('PUT', url, { hardPerHour: 9 })
  expect(refused.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  await set(`roles/${HELPDESK.roleId}`, { hardPerHour: 1 })
  await set(`roles/${HELPDESK.roleId}`, { hardPerHour: 2, softPerDay: 5 })
  const entry = (await service.auditEntries()).findLast(
    ({ action }) => action === 'disclosureBudget.set',
  )
  expect(entry).toMatchObject({
    actor: { id: administrator.id },
    detail: {
      roleId: HELPDESK.roleId,
      before: JSON.stringify({ hardPerHour: 1 }),
      after: JSON.stringify({ softPerDay: 5, hardPerHour: 2 }),
    },
  })
  const unknown = '/api/v1/disclosure-budgets/roles/00000000-0000-4000-8000-000000000000'
  const answer = await administrator.call('PUT', unknown, { hardPerHour: 1 })
  expect(answer.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
})
