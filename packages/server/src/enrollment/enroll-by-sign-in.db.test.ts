/** Enrolment by the sign-in of the owner: whose device it becomes, and whose it never does. */

import type { EnrollResponse } from '@keydesk/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { issueTestToken } from '../testing/issue-test-token.ts'
import { signInByDeviceCode } from '../testing/sign-in-by-device-code.ts'
import { createTestAccount, type TestAccount } from '../testing/test-account.ts'
import { TestDevice } from '../testing/test-device.ts'
import { insertTestApp } from '../testing/test-scopes.ts'
import { TestService } from '../testing/test-service.ts'

const AGENT = { clientId: 'keydesk-agent', scope: 'openid Keydesk.EnrollDevice' }
const REFUSAL = { status: 403, code: 'ENROLLMENT_SIGN_IN_INVALID' }

let service: TestService
let alice: TestAccount
let aliceToken: string
beforeAll(async () => {
  service = await TestService.start()
  alice = await createTestAccount(service)
  aliceToken = (await signInByDeviceCode(service, alice, AGENT)).access_token
})
afterAll(async () => service[Symbol.asyncDispose]())

async function enroll(device: TestDevice, ownerAccessToken: string, more: object = {}) {
  const body = { ownerAccessToken, device: { name: device.name }, ...more }
  const response = await device.send({ url: '/device/v1/enroll', body })
  if (response.statusCode === 201) {
    device.enrolled = response.json<EnrollResponse>()
    device.deviceId = device.enrolled.deviceId
  }
  return response
}

async function ownerOf(device: TestDevice): Promise<string | null> {
  const row = await service.deps.db
    .selectFrom('device')
    .select('owner_id')
    .where('id', '=', device.deviceId)
    .executeTakeFirstOrThrow()
  return row.owner_id
}

describe('an attacker', () => {
  test('who has the key of a known device does not become its owner', async () => {
    const device = new TestDevice(service)
    await enroll(device, aliceToken)
    const { deviceId } = device
    const mallory = await createTestAccount(service)
    const { access_token: token } = await signInByDeviceCode(service, mallory, AGENT)
    device.deviceId = ''
    expect((await enroll(device, token)).statusCode).toBe(201)
    expect(device.deviceId).toBe(deviceId)
    expect(await ownerOf(device)).toBe(alice.id)
    const entries = await service.auditEntries()
    const changes = entries.filter((entry) => entry.deviceId === deviceId)
    expect(changes.map(({ action }) => action)).toEqual(['device.enroll', 'device.ownerChange'])
  })

  test('does not become the owner of a device that enrolled with a token', async () => {
    const device = await service.device()
    const { deviceId } = device
    device.deviceId = ''
    await enroll(device, aliceToken)
    expect(device.deviceId).toBe(deviceId)
    expect(await ownerOf(device)).toBeNull()
  })

  test('cannot enrol with the token of a program', async () => {
    const appId = await insertTestApp(service.deps.db, { app_roles: ['Device.Read.All'] })
    const token = await issueTestToken(service.deps, service.app, appId)
    const response = await enroll(new TestDevice(service), token)
    expect(response.json()).toMatchObject(REFUSAL)
  })

  test('cannot enrol with the signed request of a device', async () => {
    const other = await service.device()
    const body = { enrollmentToken: 'x', device: { name: 'x' } }
    const token = await other.sign({ url: '/device/v1/enroll', body })
    expect((await enroll(new TestDevice(service), token)).json()).toMatchObject(REFUSAL)
  })

  test('cannot enrol with a token of the person that is for something else', async () => {
    const narrow = { clientId: 'keydesk-cli', scope: 'openid Device.Read.All' }
    const { access_token: token } = await signInByDeviceCode(service, alice, narrow)
    expect((await enroll(new TestDevice(service), token)).json()).toMatchObject(REFUSAL)
  })

  test('cannot enrol with a changed token', async () => {
    const [header, payload, signature = ''] = aliceToken.split('.')
    const changed = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`
    const token = [header, payload, changed].join('.')
    expect((await enroll(new TestDevice(service), token)).json()).toMatchObject(REFUSAL)
  })

  test('cannot send both proofs and have one of them judged', async () => {
    const { token } = await service.enrollmentToken({ usesMax: 1 })
    const response = await enroll(new TestDevice(service), aliceToken, { enrollmentToken: token })
    expect(response.json()).toMatchObject({
      status: 400,
      code: 'INVALID_REQUEST',
      detail: 'Send either enrollmentToken or ownerAccessToken.',
    })
  })

  test('cannot use the agent’s token for anything else', async () => {
    const response = await service.app.inject({
      url: '/api/v1/me',
      headers: { authorization: `Bearer ${aliceToken}` },
    })
    expect(response.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  })
})

describe('a person who signs in on a PC', () => {
  test('becomes its owner, on record', async () => {
    const device = new TestDevice(service, 'PC-ALICE')
    expect((await enroll(device, aliceToken)).statusCode).toBe(201)
    expect(await ownerOf(device)).toBe(alice.id)
    const entries = await service.auditEntries()
    const [enrolled, owned] = entries.filter((entry) => entry.deviceId === device.deviceId)
    expect(enrolled).toMatchObject({
      action: 'device.enroll',
      actor: { type: 'device', id: device.deviceId },
      detail: { enrolledByUserId: alice.id, enrolledByName: alice.userName },
    })
    expect(owned).toMatchObject({
      action: 'device.ownerChange',
      actor: { type: 'user', id: alice.id },
      detail: { cause: 'enrollment', toUserId: alice.id },
    })
    expect(JSON.stringify(entries)).not.toContain(aliceToken.slice(0, 40))
  })

  test('has a device that escrows like any other', async () => {
    const device = new TestDevice(service)
    await enroll(device, aliceToken)
    const { protectorId } = await device.escrowNew()
    expect((await service.disclose(protectorId)).statusCode).toBe(201)
  })

  test('may do it with the sign-in of the command line too', async () => {
    const cli = { clientId: 'keydesk-cli', scope: 'openid offline_access Keydesk.Access' }
    const { access_token: token } = await signInByDeviceCode(service, alice, cli)
    const device = new TestDevice(service)
    expect((await enroll(device, token)).statusCode).toBe(201)
    expect(await ownerOf(device)).toBe(alice.id)
  })

  test('cannot when disabled, even with a token from before', async () => {
    const bob = await createTestAccount(service)
    const { access_token: token } = await signInByDeviceCode(service, bob, AGENT)
    await service.deps.db
      .updateTable('directory_user')
      .set({ is_active: false })
      .where('id', '=', bob.id)
      .execute()
    expect((await enroll(new TestDevice(service), token)).json()).toMatchObject(REFUSAL)
  })

  test('enrols no more devices than allowed, however many at once', async () => {
    await using own = await TestService.start({ enrollDevicesPerUser: 3 })
    const account = await createTestAccount(own)
    const { access_token: token } = await signInByDeviceCode(own, account, AGENT)
    const devices = Array.from({ length: 8 }, () => new TestDevice(own))
    const responses = await Promise.all(devices.map(async (device) => await enroll(device, token)))
    const statuses = responses.map(({ statusCode }) => statusCode)
    expect(statuses.filter((status) => status === 201)).toHaveLength(3)
    const refused = responses.find(({ statusCode }) => statusCode !== 201)
    expect(refused?.json()).toMatchObject({ status: 409, code: 'ENROLLMENT_DEVICE_LIMIT' })
  })
})

describe('an administrator who switches it off', () => {
  test('leaves only enrolment tokens, and programs are told', async () => {
    await using own = await TestService.start({ enrollBySignIn: 'off' })
    const account = await createTestAccount(own)
    const { access_token: token } = await signInByDeviceCode(own, account, AGENT)
    expect((await enroll(new TestDevice(own), token)).json()).toMatchObject({
      status: 403,
      code: 'ENROLLMENT_SIGN_IN_OFF',
    })
    const info = await own.app.inject({ url: '/api/v1/sign-in-info' })
    expect(info.json()).not.toHaveProperty('agent')
  })
})
