/**
 * Disclosure: logged before it is shown, bound to its device, within a budget, and unspoken
 * elsewhere.
 */

import { randomUUID } from 'node:crypto'
import { formatRecoveryPassword } from '@keydesk/bitlocker'
import type { AuditEntry, Disclosure } from '@keydesk/contract'
import { keyCheck, signReceipt } from '@keydesk/contract/receipt'
import { sql, type Kysely } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../db/schema.ts'
import type { TestDevice } from '../testing/test-device.ts'
import { TestService } from '../testing/test-service.ts'
import { generateKeyring } from '../vault/keyring.ts'

let service: TestService
let device: TestDevice
const budget = { count: 1000, windowSeconds: 3600 }
beforeAll(async () => {
  service = await TestService.start({ disclosureBudget: budget })
  device = await service.device()
})
afterAll(async () => service[Symbol.asyncDispose]())

const actionsAbout = (entries: readonly AuditEntry[], recoveryKeyId: string): string[] =>
  entries
    .filter((entry) => entry.recoveryKeyId === recoveryKeyId)
    .map(({ action, outcome }) => `${action} ${outcome}`)

async function countRows(db: Kysely<Database>, table: 'disclosure' | 'exposure' | 'rotation') {
  const row = await db
    .selectFrom(table)
    .select((expression) => expression.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return row.count
}

describe('a disclosure', () => {
  test('shows the recovery password that the device escrowed, for a limited time', async () => {
    const key = await device.escrowNew()
    const response = await service.disclose(key.protectorId, {
      reason: { code: 'osUpdate', text: 'after the June update', ticket: 'INC-1' },
    })
    expect(response.statusCode).toBe(201)
    expect(response.headers['cache-control']).toBe('no-store')
    const now = service.deps.clock.now().getTime()
    expect(response.json()).toEqual({
      disclosureId: expect.any(String) as string,
      recoveryKeyId: key.protectorId,
      device: { id: device.deviceId, name: device.name },
      volume: { id: key.volumeId, type: 'operatingSystem', mountPoint: 'C:' },
      keyState: 'active',
      recoveryPassword: formatRecoveryPassword(key.recoveryKey),
      shownForSeconds: 300,
      expiresAt: new Date(now + 300_000).toISOString(),
      exposureId: expect.any(String) as string,
      rotationId: expect.any(String) as string,
      auditEntryId: expect.any(String) as string,
    })
  })

  test('of a superseded key works, and asks for no rotation', async () => {
    const old = await device.escrowNew()
    await device.report([
      {
        volumeId: old.volumeId,
        volumeType: 'fixed',
        status: 'fullyEncrypted',
        protection: 'on',
        protectors: [],
      },
    ])
    const shown = await service.show(old.protectorId)
    expect(shown.recoveryPassword).toBe(formatRecoveryPassword(old.recoveryKey))
    expect(shown.keyState).toBe('superseded')
    expect(shown.rotationId).toBeUndefined()
  })

  test('needs the device where two hold the same protector', async () => {
    const key = await device.escrowNew()
    const other = await service.device()
    await other.escrow(key)
    expect((await service.disclose(key.protectorId)).json()).toMatchObject({
      status: 409,
      code: 'KEY_ID_AMBIGUOUS',
      detail: 'Say by deviceId which device the key is of.',
    })
    const chosen = await service.disclose(key.protectorId, { deviceId: other.deviceId })
    expect(chosen.json<Disclosure>().device.id).toBe(other.deviceId)
  })

  test.each([
    ['without a reason', { reason: undefined }],
    ['with a reason that is not in the list', { reason: { code: 'curious' } }],
    ['for another reason without saying which', { reason: { code: 'other' } }],
    ['for another reason in blanks', { reason: { code: 'other', text: '  \n ' } }],
    ['by a prefix', { recoveryKeyId: '4381f759' }],
    [
      'with a recovery password in the reason',
      {
        reason: {
          code: 'drill',
          text: 'it is 111111-222222-333333-444444-555555-666666-111111-222222',
        },
      },
    ],
    ['with half of one in the ticket', { reason: { code: 'drill', ticket: '1'.repeat(24) } }],
  ])('%s is refused', async (_, more) => {
    const key = await device.escrowNew()
    const response = await service.disclose(key.protectorId, more)
    expect(response.json()).toMatchObject({ status: 400, code: 'INVALID_REQUEST' })
    expect(response.body).not.toContain('111111')
  })

  test('of a key that is not stored is refused, and the attempt audited', async () => {
    const recoveryKeyId = randomUUID()
    expect((await service.disclose(recoveryKeyId)).json()).toMatchObject({
      status: 404,
      code: 'NOT_FOUND',
      detail: 'No key with this ID is stored here.',
    })
    const entries = await service.auditEntries()
    expect(actionsAbout(entries, recoveryKeyId)).toEqual(['request.deny denied'])
  })
})

describe('P3 Logged first', () => {
  test('request and outcome are both on record, with who and why', async () => {
    const key = await device.escrowNew()
    const reason = { code: 'investigation', text: 'case 7', ticket: 'INC-2' }
    await service.disclose(key.protectorId, { reason })
    const entries = (await service.auditEntries()).filter(
      ({ recoveryKeyId }) => recoveryKeyId === key.protectorId,
    )
    expect(actionsAbout(entries, key.protectorId)).toEqual([
      'key.escrow success',
      'disclosure.request success',
      'rotation.request success',
      'disclosure.show success',
    ])
    expect(entries[1]).toMatchObject({
      actor: { type: 'app', name: 'test administrator' },
      deviceId: device.deviceId,
      volumeId: key.volumeId,
      detail: { reasonCode: 'investigation', reasonText: 'case 7', ticket: 'INC-2' },
    })
  })

  test.each(['audit_entry', 'audit_pending', 'exposure', 'disclosure', 'rotation'])(
    'where %s cannot be written, nothing is shown and nothing is left behind',
    async (table) => {
      await using own = await TestService.start()
      const owner = await own.device()
      const key = await owner.escrowNew()
      const { db } = own.deps
      await sql`create function refuse_insert() returns trigger language plpgsql as
        $$ begin raise exception 'the disk is full'; end $$`.execute(db)
      await sql`create trigger refuse before insert on ${sql.table(table)}
        for each statement execute function refuse_insert()`.execute(db)
      const response = await own.disclose(key.protectorId)
      expect(response.json()).toMatchObject({ status: 503, code: 'AUDIT_UNAVAILABLE' })
      expect(response.headers['retry-after']).toBe('5')
      expect(response.body).not.toContain(formatRecoveryPassword(key.recoveryKey).slice(0, 13))
      for (const name of ['disclosure', 'exposure', 'rotation'] as const) {
        expect(await countRows(db, name)).toBe(0)
      }
      await sql`drop trigger refuse on ${sql.table(table)}`.execute(db)
      expect((await own.disclose(key.protectorId)).statusCode).toBe(201)
    },
  )

  test('where the outcome cannot be written, nothing is shown; the request stays on record', async () => {
    await using own = await TestService.start()
    const owner = await own.device()
    const key = await owner.escrowNew()
    const { db } = own.deps
    await sql`create function refuse_outcome() returns trigger language plpgsql as
      $$ begin raise exception 'the disk is full'; end $$`.execute(db)
    await sql`create trigger refuse before insert on audit_entry for each row
      when (new.action = 'disclosure.show') execute function refuse_outcome()`.execute(db)
    const response = await own.disclose(key.protectorId)
    expect(response.json()).toMatchObject({ status: 503, code: 'AUDIT_UNAVAILABLE' })
    expect(response.body).not.toMatch(/\d{6}-\d{6}/)
    const row = await db.selectFrom('disclosure').selectAll().executeTakeFirst()
    expect(row).toMatchObject({ state: 'requested', finished_at: null })
    expect(actionsAbout(await own.auditEntries(), key.protectorId)).toContain(
      'disclosure.request success',
    )
    expect(await countRows(db, 'exposure')).toBe(1)
  })

  test('the key is not even opened before the entry is committed', async () => {
    await using own = await TestService.start()
    const owner = await own.device()
    const key = await owner.escrowNew()
    const { privateKey } = own.deps.keyring.vaultKey
    let openings = 0
    Object.defineProperty(own.deps.keyring.vaultKey, 'privateKey', {
      get() {
        openings += 1
        return privateKey
      },
    })
    // Everything can be written, and then the commit itself fails.
    const { db } = own.deps
    await sql`create function refuse_commit() returns trigger language plpgsql as
      $$ begin raise exception 'the disk is full'; end $$`.execute(db)
    await sql`create constraint trigger refuse after insert on disclosure
      deferrable initially deferred for each row execute function refuse_commit()`.execute(db)
    expect((await own.disclose(key.protectorId)).statusCode).toBe(503)
    expect(openings).toBe(0)
    await sql`drop trigger refuse on disclosure`.execute(db)
    expect((await own.disclose(key.protectorId)).statusCode).toBe(201)
    expect(openings).toBe(1)
  })
})

describe('P6 Bound', () => {
  async function withoutTrigger(db: Kysely<Database>, change: () => Promise<unknown>) {
    // What a database administrator can do.
    await sql`alter table recovery_key disable trigger user`.execute(db)
    await change()
    await sql`alter table recovery_key enable trigger user`.execute(db)
  }

  test.each([
    ['the sealed bytes of another device', ['sealed_key']],
    [
      'sealed bytes, key check and receipt of another device',
      ['sealed_key', 'key_check', 'receipt'],
    ],
  ])('a row with %s gives an error, never that key', async (_, columns) => {
    const other = await service.device()
    const [mine, theirs] = [await device.escrowNew(), await other.escrowNew()]
    const { db } = service.deps
    await withoutTrigger(db, async () => {
      const assignments = columns.map(
        (column) => sql`${sql.ref(column)} = source.${sql.ref(column)}`,
      )
      await sql`update recovery_key set ${sql.join(assignments)} from recovery_key source
                 where source.protector_id = ${theirs.protectorId}
                   and recovery_key.protector_id = ${mine.protectorId}`.execute(db)
    })
    const response = await service.disclose(mine.protectorId)
    expect(response.json()).toMatchObject({ status: 500, code: 'KEY_UNREADABLE' })
    expect(response.body).not.toMatch(/\d{6}-\d{6}/)
    const entries = await service.auditEntries()
    expect(actionsAbout(entries, mine.protectorId)).toContain('disclosure.show failed')
    const last = entries.findLast(({ action }) => action === 'disclosure.show')
    expect(last?.detail).toMatchObject({ code: 'KEY_UNREADABLE' })
  })

  test.each(['no receipt at all', 'the receipt of another key', 'one signed by another key'])(
    'a key that a database writer sealed and checked, with %s, gives an error',
    async (what) => {
      const [real, planted] = [await device.escrowNew(), device.protector()]
      const { db, keyring } = service.deps
      const body = device.escrowBody(planted)
      const binding = { deviceId: device.deviceId, ...planted }
      const check = keyCheck(planted.recoveryKey, binding)
      const { receipt: other } = await db
        .selectFrom('recovery_key')
        .select('receipt')
        .where('protector_id', '=', real.protectorId)
        .executeTakeFirstOrThrow()
      const forged = await signReceipt({
        privateKey: generateKeyring().receiptKey.privateKey,
        keyId: keyring.receiptKey.id,
        origin: service.deps.config.origin,
        binding,
        keyCheck: check,
        escrowedAt: new Date(),
      })
      const receipts = { 'no receipt at all': '', 'the receipt of another key': other }
      await db
        .insertInto('recovery_key')
        .values({
          device_id: device.deviceId,
          volume_id: planted.volumeId,
          protector_id: planted.protectorId,
          volume_type: 'fixed',
          sealed_key: Buffer.from(body.sealedKey, 'base64url'),
          vault_key_id: keyring.vaultKey.id,
          key_check: check,
          receipt: receipts[what as keyof typeof receipts] ?? forged,
          escrowed_at: new Date(),
        })
        .execute()
      const response = await service.disclose(planted.protectorId)
      expect(response.json()).toMatchObject({ status: 500, code: 'KEY_UNREADABLE' })
      expect(response.body).not.toMatch(/\d{6}-\d{6}/)
      const entries = await service.auditEntries()
      expect(actionsAbout(entries, planted.protectorId)).toContain('disclosure.show failed')
      // And a device that escrows it gets no receipt for what cannot be opened.
      const again = await device.escrow(planted)
      expect(again.json()).toMatchObject({ status: 500, code: 'KEY_UNREADABLE' })
      expect(again.body).not.toContain('eyJ')
    },
  )

  test('a key that was escrowed when the service had another name still opens', async () => {
    await using own = await TestService.start()
    const owner = await own.device()
    const key = await owner.escrowNew()
    Object.assign(own.deps.config, { origin: 'https://recovery.example' })
    expect((await own.show(key.protectorId)).recoveryPassword).toBe(
      formatRecoveryPassword(key.recoveryKey),
    )
  })

  test('the rows of two protectors of one device exchanged give errors too', async () => {
    const [one, two] = [await device.escrowNew(), await device.escrowNew()]
    const { db } = service.deps
    await withoutTrigger(db, async () => {
      await sql`update recovery_key set protector_id = case protector_id
                  when ${one.protectorId}::uuid then ${two.protectorId}::uuid
                  else ${one.protectorId}::uuid end
                 where protector_id in (${one.protectorId}, ${two.protectorId})`.execute(db)
    })
    for (const { protectorId } of [one, two]) {
      expect((await service.disclose(protectorId)).json()).toMatchObject({ code: 'KEY_UNREADABLE' })
    }
  })

  test('a row given to another device gives an error', async () => {
    const accomplice = await service.device()
    const key = await device.escrowNew()
    const { db } = service.deps
    await withoutTrigger(db, async () => {
      await sql`update recovery_key set device_id = ${accomplice.deviceId}
                 where protector_id = ${key.protectorId}`.execute(db)
    })
    expect((await service.disclose(key.protectorId)).json()).toMatchObject({
      status: 500,
      code: 'KEY_UNREADABLE',
    })
  })

  test('a key that the accomplice sealed for the row of a victim gives an error', async () => {
    const accomplice = await service.device()
    const [victim, bait] = [await device.escrowNew(), await accomplice.escrowNew()]
    const { db } = service.deps
    await withoutTrigger(db, async () => {
      await sql`update recovery_key set volume_id = ${victim.volumeId}
                 where protector_id = ${bait.protectorId}`.execute(db)
    })
    expect((await service.disclose(bait.protectorId)).json()).toMatchObject({
      code: 'KEY_UNREADABLE',
    })
  })
})

describe('the budget', () => {
  const small = { count: 3, windowSeconds: 3600 }

  test('bounds what one administrator is shown within its time', async () => {
    await using own = await TestService.start({ disclosureBudget: small })
    const owner = await own.device()
    const key = await owner.escrowNew()
    for (let index = 0; index < 3; index += 1) {
      expect((await own.disclose(key.protectorId)).statusCode).toBe(201)
      own.deps.clock.advance(600)
    }
    const refused = await own.disclose(key.protectorId)
    expect(refused.json()).toMatchObject({ status: 429, code: 'DISCLOSURE_BUDGET_EXCEEDED' })
    expect(refused.headers['retry-after']).toBe('1800')
    expect(refused.body).not.toMatch(/\d{6}-\d{6}/)
    expect(await countRows(own.deps.db, 'exposure')).toBe(3)
    const entries = await own.auditEntries()
    expect(entries.at(-1)).toMatchObject({
      action: 'request.deny',
      detail: { code: 'DISCLOSURE_BUDGET_EXCEEDED' },
    })
    own.deps.clock.advance(1800)
    expect((await own.disclose(key.protectorId)).statusCode).toBe(201)
  })

  test('is exact when requests come at once', async () => {
    await using own = await TestService.start({ disclosureBudget: small })
    const owner = await own.device()
    const key = await owner.escrowNew()
    const responses = await Promise.all(
      Array.from({ length: 12 }, () => own.disclose(key.protectorId)),
    )
    const statuses = responses.map(({ statusCode }) => statusCode)
    expect(statuses.filter((status) => status === 201)).toHaveLength(3)
    expect(statuses.filter((status) => status === 429)).toHaveLength(9)
  })
})
