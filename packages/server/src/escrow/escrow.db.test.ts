/**
 * Escrow on a real database: what a receipt means, what a retry gets, and what is never
 * overwritten.
 */

import { createPublicKey, randomBytes, randomUUID } from 'node:crypto'
import { LIMITS } from '@keydesk/contract'
import { verifyReceipt } from '@keydesk/contract/receipt'
import { openSealedKey, sealRecoveryKey } from '@keydesk/contract/sealed-key'
import type { LightMyRequestResponse } from 'fastify'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { volumeWith, type TestDevice, type TestProtector } from '../testing/test-device.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
let device: TestDevice
beforeAll(async () => {
  service = await TestService.start()
  device = await service.device()
})
afterAll(async () => service[Symbol.asyncDispose]())

const receiptOf = (response: LightMyRequestResponse): string =>
  response.json<{ receipt: string }>().receipt

async function storedKeys(protectorId: string) {
  return await service.deps.db
    .selectFrom('recovery_key')
    .selectAll()
    .where('protector_id', '=', protectorId)
    .execute()
}

/** As the agent does before it encrypts. */
async function accept(owner: TestDevice, protector: TestProtector, receipt: string) {
  const publicKey = createPublicKey({ key: owner.enrolled!.receiptKey.publicKey, format: 'jwk' })
  const { volumeId, protectorId, recoveryKey } = protector
  return await verifyReceipt({
    receipt,
    publicKey,
    origin: 'https://keydesk.example',
    binding: { deviceId: owner.deviceId, volumeId, protectorId },
    recoveryKey,
  })
}

describe('P1 Escrow first', () => {
  test('the receipt is one that the device accepts for this very key', async () => {
    const protector = device.protector()
    const response = await device.escrow(protector)
    expect(response.statusCode).toBe(201)
    const receipt = await accept(device, protector, receiptOf(response))
    expect(receipt.escrowedAt).toBe(service.deps.clock.now().toISOString())
  })

  test('a receipt for another key is not accepted', async () => {
    const protector = device.protector()
    const receipt = receiptOf(await device.escrow(protector))
    const another = { ...protector, recoveryKey: randomBytes(16) }
    await expect(accept(device, another, receipt)).rejects.toMatchObject({ code: 'KEY_CHECK' })
  })
})

describe('P5 Nothing lost', () => {
  test('a receipt means that the key is committed, and that the stored copy opens', async () => {
    const protector = await device.escrowNew()
    const [row] = await storedKeys(protector.protectorId)
    const opened = openSealedKey({
      sealedKey: row!.sealed_key,
      vaultPrivateKey: service.deps.keyring.vaultKey.privateKey,
      binding: { deviceId: device.deviceId, ...protector },
    })
    expect(opened).toEqual(new Uint8Array(protector.recoveryKey))
  })

  test('what cannot be opened gets no receipt and is not stored', async () => {
    const protector = device.protector()
    const good = device.escrowBody(protector)
    const { generateKeyPairSync } = await import('node:crypto')
    const strangeVault = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
    const binding = { deviceId: device.deviceId, ...protector }
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
    const changed = Buffer.from(good.sealedKey, 'base64url')
    changed[129]! ^= 1
    const cases: [string, string][] = [
      ['SEALED_KEY_INVALID', text(changed)],
      ['SEALED_KEY_INVALID', text(Buffer.alloc(130))],
      ['SEALED_KEY_INVALID', `${good.sealedKey.slice(0, -1)}B`],
      ['SEALED_KEY_INVALID', good.sealedKey.slice(0, 100)],
      [
        'VAULT_KEY_UNKNOWN',
        text(
          sealRecoveryKey({
            recoveryKey: protector.recoveryKey,
            vaultPublicKey: strangeVault,
            binding,
          }),
        ),
      ],
    ]
    for (const [code, sealedKey] of cases) {
      const response = await device.send({
        url: '/device/v1/escrow',
        body: { ...good, sealedKey },
      })
      expect(response.json()).toMatchObject({ status: 422, code })
    }
    expect(await storedKeys(protector.protectorId)).toHaveLength(0)
  })

  test('no key without its audit entry, and no audit entry without its key', async () => {
    await using own = await TestService.start()
    const owner = await own.device()
    const before = (await own.auditEntries()).length
    await sql`alter table audit_entry rename to audit_entry_gone`.execute(own.deps.db)
    const protector = owner.protector()
    const failed = await owner.escrow(protector)
    expect(failed.statusCode).toBe(500)
    await sql`alter table audit_entry_gone rename to audit_entry`.execute(own.deps.db)
    const { count } = await own.deps.db
      .selectFrom('recovery_key')
      .select((expression) => expression.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    expect(count).toBe(0)
    // The failed request left nothing behind that would keep the device from trying again.
    expect((await owner.escrow(protector)).statusCode).toBe(201)
    const entries = await own.auditEntries()
    expect(entries.slice(before).map(({ action }) => action)).toEqual(['key.escrow'])
  })

  test('the database refuses to delete or change a stored key', async () => {
    const { protectorId } = await device.escrowNew()
    const { db } = service.deps
    const attempts = [
      sql`delete from recovery_key where protector_id = ${protectorId}`,
      sql`truncate recovery_key cascade`,
      sql`update recovery_key set sealed_key = decode(repeat('00', 130), 'hex')
           where protector_id = ${protectorId}`,
      sql`update recovery_key set device_id = gen_random_uuid() where protector_id = ${protectorId}`,
      sql`update recovery_key set receipt = 'x' where protector_id = ${protectorId}`,
    ]
    for (const attempt of attempts) {
      await expect(attempt.execute(db)).rejects.toThrow(/is refused/)
    }
    expect(await storedKeys(protectorId)).toHaveLength(1)
  })

  test('a device with keys cannot be deleted', async () => {
    await device.escrowNew()
    const deletion = sql`delete from device where id = ${device.deviceId}`.execute(service.deps.db)
    await expect(deletion).rejects.toThrow(/violates foreign key constraint/)
  })

  test('keys outlive a re-imaged PC: a new identity keeps its own, the old ones stay', async () => {
    const disk = await device.escrowNew()
    const reimaged = await service.device(device.name)
    const again = { ...disk, recoveryKey: disk.recoveryKey }
    expect((await reimaged.escrow(again)).statusCode).toBe(201)
    const rows = await storedKeys(disk.protectorId)
    expect(rows.map((row) => row.device_id).toSorted()).toEqual(
      [device.deviceId, reimaged.deviceId].toSorted(),
    )
  })
})

describe('P7 Idempotent', () => {
  test('the same key again gets a byte-identical receipt, however often and whenever', async () => {
    const protector = device.protector()
    const first = await device.escrow(protector)
    service.deps.clock.advance(3600)
    const second = await device.escrow(protector)
    const third = await device.escrow(protector, { mountPoint: 'D:' })
    expect([first, second, third].map(({ statusCode }) => statusCode)).toEqual([201, 200, 200])
    expect(receiptOf(second)).toBe(receiptOf(first))
    expect(receiptOf(third)).toBe(receiptOf(first))
    expect(await storedKeys(protector.protectorId)).toHaveLength(1)
  })

  test('another key for the same protector is a conflict and overwrites nothing', async () => {
    const protector = await device.escrowNew()
    const [before] = await storedKeys(protector.protectorId)
    const response = await device.escrow({ ...protector, recoveryKey: randomBytes(16) })
    expect(response.json()).toMatchObject({
      status: 409,
      code: 'PROTECTOR_CONFLICT',
      detail: expect.stringContaining('stays') as string,
    })
    expect(await storedKeys(protector.protectorId)).toEqual([before])
    const entries = await service.auditEntries()
    expect(entries.findLast(({ action }) => action === 'request.deny')).toMatchObject({
      deviceId: device.deviceId,
      recoveryKeyId: protector.protectorId,
      detail: { code: 'PROTECTOR_CONFLICT' },
    })
  })

  test('many times at once stores one key and gives one receipt', async () => {
    const protector = device.protector()
    const responses = await Promise.all(Array.from({ length: 12 }, () => device.escrow(protector)))
    const created = responses.filter(({ statusCode }) => statusCode === 201)
    expect(created).toHaveLength(1)
    expect(responses.every(({ statusCode }) => statusCode < 300)).toBe(true)
    expect(new Set(responses.map(receiptOf)).size).toBe(1)
    expect(await storedKeys(protector.protectorId)).toHaveLength(1)
  })

  test('different keys at once: one wins, the others are conflicts', async () => {
    const { volumeId, protectorId } = device.protector()
    const contenders = Array.from({ length: 8 }, () => ({
      volumeId,
      protectorId,
      recoveryKey: randomBytes(16),
    }))
    const responses = await Promise.all(contenders.map((protector) => device.escrow(protector)))
    const statuses = responses.map(({ statusCode }) => statusCode)
    expect(statuses.filter((status) => status === 201)).toHaveLength(1)
    expect(statuses.filter((status) => status === 409)).toHaveLength(7)
    const winner = statuses.indexOf(201)
    await accept(device, contenders[winner]!, receiptOf(responses[winner]!))
  })

  test('at once on two servers with the same database', async () => {
    const { buildApp } = await import('../app.ts')
    const another = await buildApp(service.deps)
    try {
      const protector = device.protector()
      const body = device.escrowBody(protector)
      const url = '/device/v1/escrow'
      const tokens = await Promise.all(Array.from({ length: 10 }, () => device.sign({ url, body })))
      const responses = await Promise.all(
        tokens.map((token, index) =>
          (index % 2 === 0 ? service.app : another).inject({
            method: 'POST',
            url,
            headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
            payload: JSON.stringify(body),
          }),
        ),
      )
      expect(responses.filter(({ statusCode }) => statusCode === 201)).toHaveLength(1)
      expect(new Set(responses.map(receiptOf)).size).toBe(1)
    } finally {
      await another.close()
    }
  })
})

describe('keys that arrive together', () => {
  test('share a commit, and a bad one fails alone', async () => {
    const devices = await Promise.all(Array.from({ length: 6 }, () => service.device()))
    // The database refuses this one, and with it the whole statement.
    await sql`create or replace function refuse_bad() returns trigger language plpgsql as
      $$ begin raise exception 'bad key'; end $$`.execute(service.deps.db)
    const bad = randomUUID()
    await sql`create trigger bad before insert on recovery_key for each row
      when (new.protector_id = ${sql.lit(bad)}) execute function refuse_bad()`.execute(
      service.deps.db,
    )
    const responses = await Promise.all([
      device.escrow({ ...device.protector(), protectorId: bad }),
      ...devices.map((owner) => owner.escrow(owner.protector())),
    ])
    expect(responses.map(({ statusCode }) => statusCode)).toEqual([
      500, 201, 201, 201, 201, 201, 201,
    ])
    await sql`drop trigger bad on recovery_key`.execute(service.deps.db)
  })

  test('each get their own receipt', async () => {
    const devices = await Promise.all(Array.from({ length: 20 }, () => service.device()))
    const protectors = devices.map((owner) => owner.protector())
    const responses = await Promise.all(
      devices.map((owner, index) => owner.escrow(protectors[index]!)),
    )
    const receipts = await Promise.all(
      devices.map((owner, index) =>
        accept(owner, protectors[index]!, receiptOf(responses[index]!)),
      ),
    )
    expect(receipts.map(({ sub }) => sub)).toEqual(devices.map(({ deviceId }) => deviceId))
  })

  test('a replayed escrow is refused, also in the middle of others', async () => {
    const protector = device.protector()
    const url = '/device/v1/escrow'
    const body = device.escrowBody(protector)
    const token = await device.sign({ url, body })
    const responses = await Promise.all(
      Array.from({ length: 5 }, () => service.post(url, body, token)),
    )
    const codes = responses.map((response) => response.json<{ code?: string }>().code ?? 'stored')
    expect(codes.filter((code) => code === 'stored')).toHaveLength(1)
    expect(codes.filter((code) => code === 'REQUEST_REPLAYED')).toHaveLength(4)
  })
})

test.each([
  ['an entry that is not base64url', { protectorEntry: 'AB' }],
  ['an unknown field', { recoveryPassword: 'x' }],
])('%s is refused with INVALID_REQUEST', async (_, more) => {
  const response = await device.escrow(device.protector(), more)
  expect(response.json()).toMatchObject({ status: 400, code: 'INVALID_REQUEST' })
})

test('a device that has as many active keys as it may gets no more, and keeps what it has', async () => {
  await using own = await TestService.start()
  const [full, other] = [await own.device(), await own.device()]
  const stored = await full.escrowNew()
  await sql`
    insert into recovery_key (device_id, volume_id, protector_id, volume_type, sealed_key,
                              vault_key_id, key_check, receipt, escrowed_at)
    select device_id, gen_random_uuid(), gen_random_uuid(), volume_type, sealed_key, vault_key_id,
           key_check, receipt, escrowed_at
      from recovery_key, generate_series(2, ${LIMITS.activeKeysPerDeviceMax})`.execute(own.deps.db)
  const more = full.protector()
  const refused = await full.escrow(more)
  expect(refused.json()).toMatchObject({ status: 409, code: 'DEVICE_KEY_LIMIT' })
  expect((await full.escrow(stored)).statusCode).toBe(200)
  expect((await other.escrow(other.protector())).statusCode).toBe(201)
  // Keys that are gone from the disk do not count.
  await full.report([volumeWith(stored.volumeId, [])])
  expect((await full.escrow(more)).statusCode).toBe(201)
})
