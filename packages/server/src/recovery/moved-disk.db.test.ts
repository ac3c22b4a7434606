/**
 * Two devices that stored a key for one protector: the same key, after a disk moved, is replaced on
 * both. Another key that a device made up for it is nobody's business but that device's.
 */

import { randomBytes } from 'node:crypto'
import { formatRecoveryPassword } from '@keydesk/bitlocker'
import type { Disclosure } from '@keydesk/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { volumeWith } from '../testing/test-device.ts'
import { TestPerson } from '../testing/test-person.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => service[Symbol.asyncDispose]())

async function rotated(deviceId: string): Promise<string[]> {
  const { rotations } = await service.detail(deviceId)
  return rotations.map(({ protectorId }) => protectorId).toSorted()
}

test('a made-up key for the protector of another device rotates nothing there', async () => {
  const [device, liar] = [await service.device(), await service.device()]
  const key = await device.escrowNew()
  await device.report([volumeWith(key.volumeId, [key])])
  const fake = { ...key, recoveryKey: randomBytes(16) }
  expect((await liar.escrow(fake)).statusCode).toBe(201)
  await liar.report([volumeWith(key.volumeId, [key])])
  const owner = await TestPerson.create(service)
  await owner.own(liar.deviceId)
  const shown = await owner.discloseOwn(liar.deviceId, key.protectorId)
  expect(shown.json<Disclosure>().recoveryPassword).toBe(formatRecoveryPassword(fake.recoveryKey))
  expect(await rotated(device.deviceId)).toEqual([])
  expect(await rotated(liar.deviceId)).toEqual([key.protectorId])
})

test('the same key is replaced on both, also where the other copy cannot be read', async () => {
  const [before, after] = [await service.device(), await service.device()]
  const keys = [await before.escrowNew(), await before.escrowNew()]
  const ids = keys.map(({ protectorId }) => protectorId)
  for (const key of keys) await after.escrow(key)
  const { db } = service.deps
  // What a database administrator can do.
  await sql`alter table recovery_key disable trigger user`.execute(db)
  await sql`update recovery_key set receipt = ''
             where device_id = ${after.deviceId} and protector_id = ${ids[1]}`.execute(db)
  await sql`alter table recovery_key enable trigger user`.execute(db)
  for (const id of ids) {
    const shown = await service.disclose(id, { deviceId: before.deviceId })
    expect(shown.statusCode).toBe(201)
  }
  expect(await rotated(before.deviceId)).toEqual(ids.toSorted())
  expect(await rotated(after.deviceId)).toEqual(ids.toSorted())
})

test('nothing is shown where the rotation on the other device cannot be recorded', async () => {
  await using own = await TestService.start()
  const [before, after] = [await own.device(), await own.device()]
  const key = await before.escrowNew()
  await after.escrow(key)
  const { db } = own.deps
  await sql`create function refuse_write() returns trigger language plpgsql as
    $$ begin raise exception 'the disk is full'; end $$`.execute(db)
  await sql`create trigger refuse before insert on rotation for each row
    when (new.device_id = ${sql.lit(after.deviceId)}) execute function refuse_write()`.execute(db)
  const response = await own.disclose(key.protectorId, { deviceId: before.deviceId })
  expect(response.json()).toMatchObject({ status: 503, code: 'AUDIT_UNAVAILABLE' })
  expect(response.body).not.toMatch(/\d{6}-\d{6}/)
})
