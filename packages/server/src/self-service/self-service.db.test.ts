/**
 * Self-service: an owner gets the key of his own device, by the rules, and nobody gets another's.
 */

import { randomUUID } from 'node:crypto'
import { formatRecoveryPassword } from '@keydesk/bitlocker'
import type { Disclosure, OwnDevicePage } from '@keydesk/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { HELPDESK, testRole } from '../testing/test-approval-scene.ts'
import { volumeWith, type TestDevice, type TestProtector } from '../testing/test-device.ts'
import { insertTestGroup } from '../testing/test-people.ts'
import { TestPerson } from '../testing/test-person.ts'
import { TestService } from '../testing/test-service.ts'
import { selfServiceVerdict } from './self-service-verdict.ts'

let service: TestService
let administrator: TestPerson
let device: TestDevice
let key: TestProtector
let owner: TestPerson
beforeAll(async () => {
  service = await TestService.start()
  administrator = await TestPerson.create(service, testRole('Global Administrator'))
})
afterAll(async () => service[Symbol.asyncDispose]())
beforeEach(async () => {
  device = await service.device()
  key = await device.escrowNew()
  owner = await TestPerson.create(service)
  await owner.own(device.deviceId)
  await administrator.signInAgain()
  await policy({
    allowedToReadBitlockerKeysForOwnedDevice: true,
    requiresEncryption: false,
    seenWithinDays: null,
    keyIdMustBeTyped: true,
    hourlyLimit: null,
    dailyLimit: 5,
    helpdeskContact: 'extension 4711',
  })
})

async function policy(change: object): Promise<void> {
  const response = await administrator.call('PATCH', '/api/v1/self-service-policy', change)
  expect(response.statusCode).toBe(200)
}

const refused = (condition: string) => ({
  status: 403,
  code: 'SELF_SERVICE_REFUSED',
  condition,
  detail: expect.stringContaining('extension 4711') as string,
})

async function disclosuresOf(deviceId: string): Promise<number> {
  const rows = await service.deps.db
    .selectFrom('disclosure')
    .innerJoin('recovery_key as key', 'key.id', 'disclosure.recovery_key_id')
    .select('disclosure.id')
    .where('key.device_id', '=', deviceId)
    .execute()
  return rows.length
}

describe('an attacker', () => {
  test("does not get another's key, and learns nothing of the device", async () => {
    const stranger = await TestPerson.create(service)
    const unknown = randomUUID()
    const answers = [device.deviceId, unknown].flatMap((deviceId) => [
      stranger.discloseOwn(deviceId, key.protectorId),
      stranger.call('GET', `/api/v1/me/devices/${deviceId}/recovery-status`),
      stranger.call('GET', `/api/v1/me/devices/${deviceId}/recovery-keys`),
      stranger.call('POST', '/api/v1/me/approval-requests', {
        deviceId,
        keyId: key.protectorId,
        reason: { code: 'drill' },
      }),
    ])
    for (const response of await Promise.all(answers)) {
      expect(response.json()).toMatchObject({
        status: 404,
        code: 'NOT_FOUND',
        detail: 'You have no device with this ID.',
      })
    }
    const list = await stranger.call('GET', '/api/v1/me/devices')
    expect(list.json<OwnDevicePage>().items).toEqual([])
    expect(await disclosuresOf(device.deviceId)).toBe(0)
  })

  test("does not get another device's key by naming his own device", async () => {
    const other = await service.device()
    const theirs = await other.escrowNew()
    const response = await owner.discloseOwn(device.deviceId, theirs.protectorId)
    expect(response.json()).toMatchObject(refused('keyIdMismatch'))
    expect(response.body).not.toMatch(/\d{6}-\d{6}/)
    expect(await disclosuresOf(other.deviceId)).toBe(0)
  })

  test.each([
    ['7 characters', (id: string) => id.slice(0, 7)],
    ['nothing', () => ''],
    ['a wildcard', () => '%%%%%%%%'],
    ['hyphens only', () => '--------'],
  ])('does not get a key with %s for the key ID', async (_, typed) => {
    const response = await owner.discloseOwn(device.deviceId, typed(key.protectorId))
    expect(response.json()).toMatchObject({ status: 400, code: 'INVALID_REQUEST' })
  })

  test('with a stale or weak sign-in is asked to sign in again', async () => {
    const now = service.deps.clock.now().getTime()
    for (const more of [
      { authenticatedAt: new Date(now - 3_600_000) },
      { acr: 'urn:keydesk:acr:password', amr: ['pwd'] },
      { authenticatedAt: undefined },
    ]) {
      await owner.signInAgain(more)
      const response = await owner.discloseOwn(device.deviceId, key.protectorId)
      expect(response.json()).toMatchObject({ status: 401, code: 'STEP_UP_REQUIRED' })
      expect(response.headers['www-authenticate']).toContain('insufficient_user_authentication')
    }
    expect(await disclosuresOf(device.deviceId)).toBe(0)
  })

  test('who owned it before gets no key after the change, even by a request under way', async () => {
    const { db } = service.deps
    const heir = await TestPerson.create(service)
    let pending: Promise<unknown> | undefined
    await db.transaction().execute(async (trx) => {
      await sql`update device set owner_id = ${heir.id} where id = ${device.deviceId}`.execute(trx)
      const response = owner.discloseOwn(device.deviceId, key.protectorId)
      pending = response.then((answer) => answer.json())
      // It passed the first look at the owner and now waits for this transaction.
      for (let waiting = 0; waiting === 0;) {
        const { rows } = await sql<{ count: number }>`
          select count(*) as count from pg_stat_activity
           where datname = current_database() and wait_event_type = 'Lock'`.execute(db)
        waiting = rows[0]?.count ?? 0
      }
    })
    expect(await pending).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    expect(await disclosuresOf(device.deviceId)).toBe(0)
    expect((await heir.discloseOwn(device.deviceId, key.protectorId)).statusCode).toBe(201)
  })

  test('who is disabled gets nothing with a session that is still there', async () => {
    const { db } = service.deps
    await db
      .updateTable('directory_user')
      .set({ is_active: false })
      .where('id', '=', owner.id)
      .execute()
    const response = await owner.discloseOwn(device.deviceId, key.protectorId)
    expect(response.json()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
  })

  test('with a role is not let past the rules of self-service by it, nor the other way', async () => {
    const helper = await TestPerson.create(service, {
      ...HELPDESK,
      scope: { type: 'device', id: device.deviceId },
    })
    const own = await service.device()
    const ownKey = await own.escrowNew()
    await helper.own(own.deviceId)
    await policy({ allowedToReadBitlockerKeysForOwnedDevice: false })
    const asOwner = await helper.discloseOwn(own.deviceId, ownKey.protectorId)
    expect(asOwner.json()).toMatchObject(refused('restricted'))
    // The role does not reach the own device, and owning it does not widen the role.
    expect((await helper.disclose(ownKey.protectorId)).json()).toMatchObject({ code: 'NOT_FOUND' })
    expect((await helper.discloseOwn(device.deviceId, key.protectorId)).statusCode).toBe(404)
    expect((await helper.disclose(key.protectorId)).statusCode).toBe(201)
  })
})

describe('an owner', () => {
  test.each([
    ['the first 8 characters', (id: string) => id.slice(0, 8)],
    ['the whole ID in capitals and braces', (id: string) => `{${id.toUpperCase()}}`],
  ])('is shown the key for %s, and it is on record and replaced', async (_, typed) => {
    const response = await owner.discloseOwn(device.deviceId, typed(key.protectorId))
    expect(response.statusCode).toBe(201)
    expect(response.headers['cache-control']).toBe('no-store')
    const shown = response.json<Disclosure>()
    expect(shown.recoveryPassword).toBe(formatRecoveryPassword(key.recoveryKey))
    expect(shown.rotationId).toEqual(expect.any(String))
    const row = await service.deps.db
      .selectFrom('disclosure')
      .innerJoin('exposure', 'exposure.disclosure_id', 'disclosure.id')
      .select(['kind', 'principal_id', 'disclosure.state', 'exposure.state as exposure_state'])
      .where('disclosure.id', '=', shown.disclosureId)
      .executeTakeFirst()
    expect(row).toEqual({
      kind: 'ownership',
      principal_id: owner.id,
      state: 'shown',
      exposure_state: 'open',
    })
    const entries = await service.auditEntries()
    const about = entries.filter(({ recoveryKeyId }) => recoveryKeyId === key.protectorId)
    expect(about.map(({ action }) => action)).toEqual([
      'key.escrow',
      'disclosure.request',
      'rotation.request',
      'disclosure.show',
    ])
    expect(about[1]).toMatchObject({
      actor: { type: 'user', id: owner.id },
      detail: { kind: 'ownership', reasonCode: 'recoveryScreen' },
    })
    expect(JSON.stringify(entries)).not.toContain(shown.recoveryPassword)
  })

  test('must type more where several keys begin alike', async () => {
    const twin = device.protector()
    const protectorId = `${key.protectorId.slice(0, 8)}${twin.protectorId.slice(8)}`
    await device.escrow({ ...twin, protectorId })
    const response = await owner.discloseOwn(device.deviceId, protectorId.slice(0, 8))
    expect(response.json()).toMatchObject(refused('keyIdAmbiguous'))
    expect((await owner.discloseOwn(device.deviceId, protectorId)).statusCode).toBe(201)
  })

  test('sees his devices with what they are', async () => {
    await device.report([volumeWith(key.volumeId, [key])])
    const list = await owner.call('GET', '/api/v1/me/devices')
    expect(list.json<OwnDevicePage>().items).toMatchObject([
      { id: device.deviceId, name: device.name, encryption: 'encrypted', hasKey: true },
    ])
    expect(list.body).not.toContain(key.protectorId)
  })

  test('sees key IDs only where they need not be typed', async () => {
    const url = `/api/v1/me/devices/${device.deviceId}/recovery-keys`
    const hidden = await owner.call('GET', url)
    expect(hidden.statusCode).toBe(200)
    expect(hidden.json()).toMatchObject({ items: [{ volume: { type: 'operatingSystem' } }] })
    expect(hidden.body).not.toContain(key.protectorId)
    await policy({ keyIdMustBeTyped: false })
    expect((await owner.call('GET', url)).json()).toMatchObject({
      items: [{ recoveryKeyId: key.protectorId, state: 'active' }],
    })
  })
})

describe('the rules', () => {
  async function expectRefusal(condition: string): Promise<void> {
    const url = `/api/v1/me/devices/${device.deviceId}/recovery-status`
    const status = await owner.call('GET', url)
    expect(status.json()).toMatchObject({
      isAllowed: false,
      condition,
      detail: expect.stringContaining('extension 4711') as string,
    })
    const response = await owner.discloseOwn(device.deviceId, key.protectorId)
    expect(response.json()).toMatchObject(refused(condition))
    expect(await disclosuresOf(device.deviceId)).toBe(0)
  }

  test('the switch of the tenant', async () => {
    await policy({ allowedToReadBitlockerKeysForOwnedDevice: false })
    await expectRefusal('restricted')
    await policy({ allowedToReadBitlockerKeysForOwnedDevice: true })
    expect((await owner.discloseOwn(device.deviceId, key.protectorId)).statusCode).toBe(201)
  })

  test('groups override the switch, and among them a deny wins', async () => {
    const [allowed, denied] = await Promise.all([
      insertTestGroup(service.deps.db, [{ id: owner.id }]),
      insertTestGroup(service.deps.db, [{ id: owner.id }]),
    ])
    const set = async (groupId: string, effect: string) =>
      await administrator.call('PUT', `/api/v1/self-service-policy/groups/${groupId}`, { effect })
    await policy({ allowedToReadBitlockerKeysForOwnedDevice: false })
    expect((await set(allowed ?? '', 'allow')).statusCode).toBe(200)
    expect((await owner.discloseOwn(device.deviceId, key.protectorId)).statusCode).toBe(201)
    await set(denied ?? '', 'deny')
    const response = await owner.discloseOwn(device.deviceId, key.protectorId)
    expect(response.json()).toMatchObject(refused('restricted'))
    await administrator.call('DELETE', `/api/v1/self-service-policy/groups/${denied}`)
    expect((await owner.discloseOwn(device.deviceId, key.protectorId)).statusCode).toBe(201)
  })

  test('a device that reported its drive decrypted', async () => {
    await policy({ requiresEncryption: true })
    await expectRefusal('notEncrypted')
    const volume = volumeWith(key.volumeId, [key])
    await device.report([{ ...volume, status: 'fullyDecrypted', protection: 'off' }])
    await expectRefusal('notEncrypted')
    await device.report([volume])
    expect((await owner.discloseOwn(device.deviceId, key.protectorId)).statusCode).toBe(201)
  })

  test('a device that was not seen for too long', async () => {
    await policy({ seenWithinDays: 7 })
    await expectRefusal('notSeen')
    const { db, clock } = service.deps
    const seen = async (daysAgo: number) =>
      await sql`
        insert into device_presence (device_id, last_seen_at)
        values (${device.deviceId}, ${new Date(clock.now().getTime() - daysAgo * 86_400_000)})
        on conflict (device_id) do update set last_seen_at = excluded.last_seen_at`.execute(db)
    await seen(7.1)
    await expectRefusal('notSeen')
    await seen(6.9)
    expect((await owner.discloseOwn(device.deviceId, key.protectorId)).statusCode).toBe(201)
  })

  test('a device without a stored key', async () => {
    const empty = await service.device()
    await owner.own(empty.deviceId)
    const response = await owner.discloseOwn(empty.deviceId, key.protectorId)
    expect(response.json()).toMatchObject(refused('noKeyStored'))
  })

  test('answer for whoever asks about effective access', async () => {
    const facts = { userId: owner.id, deviceId: device.deviceId }
    const now = service.deps.clock.now()
    expect(await selfServiceVerdict(service.deps.db, facts, now)).toEqual({ isAllowed: true })
    const stranger = { userId: administrator.id, deviceId: device.deviceId }
    expect(await selfServiceVerdict(service.deps.db, stranger, now)).toMatchObject({
      isAllowed: false,
      condition: 'notOwner',
    })
  })

  test('so many a day, counted apart from what a role allows', async () => {
    await policy({ dailyLimit: 2 })
    for (let index = 0; index < 2; index += 1) {
      expect((await owner.discloseOwn(device.deviceId, key.protectorId)).statusCode).toBe(201)
    }
    const response = await owner.discloseOwn(device.deviceId, key.protectorId)
    expect(response.json()).toMatchObject({ status: 429, code: 'DISCLOSURE_BUDGET_EXCEEDED' })
    const alerts = (await service.auditEntries()).filter(
      ({ action, actor }) => action === 'disclosure.budgetAlert' && actor.id === owner.id,
    )
    expect(alerts).toMatchObject([{ detail: { isSelfService: true, limit: 2 } }])
  })

  test('changes are on record with before and after', async () => {
    await policy({ helpdeskContact: null, seenWithinDays: 30 })
    const entry = (await service.auditEntries()).findLast(
      ({ action }) => action === 'selfServicePolicy.update',
    )
    expect(entry).toMatchObject({
      actor: { type: 'user', id: administrator.id },
      detail: {
        before: JSON.stringify({ helpdeskContact: 'extension 4711', seenWithinDays: null }),
        after: JSON.stringify({ helpdeskContact: null, seenWithinDays: 30 }),
      },
    })
  })

  test.each([
    ['an unknown name', { allowedToReadEverything: true }],
    ['nothing', {}],
    ['zero days', { seenWithinDays: 0 }],
    ['a contact with a line break', { helpdeskContact: 'a\nb' }],
  ])('%s is refused', async (_, change) => {
    const response = await administrator.call('PATCH', '/api/v1/self-service-policy', change)
    expect(response.json()).toMatchObject({ status: 400, code: 'INVALID_REQUEST' })
  })

  test('are not for an owner to change', async () => {
    const response = await owner.call('PATCH', '/api/v1/self-service-policy', {
      keyIdMustBeTyped: false,
    })
    expect(response.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  })
})
