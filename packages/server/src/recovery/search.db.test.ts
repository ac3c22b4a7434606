/** Search by what the recovery screen shows: metadata only, active first, several hits possible. */

import { randomUUID } from 'node:crypto'
import { formatRecoveryPassword } from '@keydesk/bitlocker'
import type { Exposure, RecoveryKey } from '@keydesk/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { volumeWith, type TestDevice } from '../testing/test-device.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
let device: TestDevice
beforeAll(async () => {
  service = await TestService.start({ disclosureBudget: { count: 1000, windowSeconds: 60 } })
  device = await service.device('PC-SEARCH')
})
afterAll(async () => service[Symbol.asyncDispose]())

const search = async (query: string) => await service.admin('GET', `/api/v1/recovery-keys?${query}`)
const items = async (query: string): Promise<RecoveryKey[]> =>
  (await search(query)).json<{ items: RecoveryKey[] }>().items

describe('keys are found', () => {
  test('by the eight characters on the screen, in any writing', async () => {
    const key = await device.escrowNew()
    const id = key.protectorId
    const forms = [id.slice(0, 8), id.slice(0, 8).toUpperCase(), id.slice(0, 13), id, `{${id}}`]
    for (const form of forms) {
      const found = await items(`keyId=${encodeURIComponent(form)}`)
      expect(found.map(({ recoveryKeyId }) => recoveryKeyId)).toEqual([id])
    }
  })

  test('several at once, active before superseded, newest first', async () => {
    const prefix = randomUUID().slice(0, 8)
    const volumeId = randomUUID()
    const ids: string[] = []
    for (let index = 0; index < 4; index += 1) {
      const protector = { ...device.protector(volumeId) }
      const protectorId = prefix + protector.protectorId.slice(8)
      await device.escrow({ ...protector, protectorId })
      ids.push(protectorId)
    }
    const onDisk = [ids[0]!, ids[2]!].map((id) => ({ id, type: 'recoveryPassword' as const }))
    await device.report([volumeWith(volumeId, onDisk)])
    const found = await items(`keyId=${prefix}`)
    expect(found.map(({ recoveryKeyId, state }) => [recoveryKeyId, state])).toEqual([
      [ids[2], 'active'],
      [ids[0], 'active'],
      [ids[3], 'superseded'],
      [ids[1], 'superseded'],
    ])
    const paged: string[] = []
    for (let after = ''; ;) {
      const page = (await search(`keyId=${prefix}&limit=1${after}`)).json<{
        items: RecoveryKey[]
        nextAfter?: string
      }>()
      paged.push(...page.items.map(({ recoveryKeyId }) => recoveryKeyId))
      if (page.nextAfter === undefined) break
      after = `&after=${page.nextAfter}`
    }
    expect(paged).toEqual([ids[2], ids[0], ids[3], ids[1]])
  })

  test('by device', async () => {
    const other = await service.device()
    const key = await other.escrowNew()
    const found = await items(`deviceId=${other.deviceId}`)
    expect(found).toEqual([
      {
        recoveryKeyId: key.protectorId,
        device: { id: other.deviceId, name: other.name },
        volume: { id: key.volumeId, type: 'operatingSystem', mountPoint: 'C:' },
        state: 'active',
        proof: 'attested',
        escrowedAt: service.deps.clock.now().toISOString(),
        isExposed: false,
      },
    ])
    expect(await items(`deviceId=${device.deviceId}&keyId=${key.protectorId}`)).toEqual([])
  })

  test('without their passwords, sealed bytes, checks or receipts', async () => {
    const key = await device.escrowNew()
    await service.show(key.protectorId)
    const { body } = await search(`keyId=${key.protectorId}`)
    expect(body).toContain('"isExposed":true')
    expect(body).not.toContain(formatRecoveryPassword(key.recoveryKey))
    expect(body).not.toMatch(/sealed|check"|receipt/i)
  })
})

test.each([
  ['', 'Give a keyId'],
  ['keyId=4381f75', 'keyId'],
  ['keyId=zzzzzzzz', 'keyId'],
  ["keyId=4381f759'--", 'keyId'],
  ['keyId=4381f759%25', 'keyId'],
  ['keyId=--------', 'keyId'],
  ['deviceId=1', 'deviceId'],
])('the search ?%s is refused', async (query, named) => {
  const response = await search(query)
  expect(response.json()).toMatchObject({ status: 400, code: 'INVALID_REQUEST' })
  expect(response.json<{ detail: string }>().detail).toContain(named)
})

test('exposures are listed oldest first, by state and by device', async () => {
  await using own = await TestService.start({ rotationDelaySeconds: 0 })
  const owner = await own.device()
  const keys = [await owner.escrowNew(), await owner.escrowNew(), await owner.escrowNew()]
  for (const key of keys) {
    await own.show(key.protectorId)
    own.deps.clock.advance(60)
  }
  const next = await owner.escrowNew(keys[1]!.volumeId)
  await owner.report([volumeWith(next.volumeId, [next])])
  const list = async (query: string): Promise<Exposure[]> =>
    (await own.admin('GET', `/api/v1/exposures?${query}`)).json<{ items: Exposure[] }>().items
  const ids = (exposures: Exposure[]) => exposures.map(({ protectorId }) => protectorId)
  expect(ids(await list('state=open'))).toEqual([keys[0]!.protectorId, keys[2]!.protectorId])
  expect(ids(await list('state=closed'))).toEqual([keys[1]!.protectorId])
  expect(ids(await list(`deviceId=${owner.deviceId}`))).toHaveLength(3)
  expect(await list(`deviceId=${randomUUID()}`)).toEqual([])
})

test('devices are found by the beginning of their name or serial number', async () => {
  await using own = await TestService.start()
  const names = ['alpha-1', 'ALPHA-2', 'beta_1', 'beta%1']
  for (const name of names) await own.device(name)
  const serial = await own.device('gamma')
  await serial.send({
    url: '/device/v1/check-in',
    body: {
      agentVersion: '1',
      device: { name: 'gamma', serialNumber: 'SN-ALPHA' },
      volumes: [],
      actions: [],
    },
  })
  const list = async (query: string): Promise<string[]> =>
    (await own.admin('GET', `/api/v1/devices?${query}`))
      .json<{ items: { facts: { name: string } }[] }>()
      .items.map(({ facts }) => facts.name)
  expect(await list('search=Alpha')).toEqual(['alpha-1', 'ALPHA-2'])
  expect(await list('search=sn-a')).toEqual(['gamma'])
  expect(await list('search=beta_')).toEqual(['beta_1'])
  expect(await list('search=beta%25')).toEqual(['beta%1'])
  expect(await list('search=pha')).toEqual([])
  expect(await list('')).toEqual(['alpha-1', 'ALPHA-2', 'beta%1', 'beta_1', 'gamma'])
  const first = (await own.admin('GET', '/api/v1/devices?limit=2')).json<{ nextAfter: string }>()
  expect(await list(`limit=2&after=${first.nextAfter}`)).toEqual(['beta%1', 'beta_1'])
})

test('an unknown device is not found', async () => {
  const response = await service.admin('GET', `/api/v1/devices/${randomUUID()}`)
  expect(response.json()).toMatchObject({
    status: 404,
    code: 'NOT_FOUND',
    detail: 'There is no device with this ID.',
  })
})
