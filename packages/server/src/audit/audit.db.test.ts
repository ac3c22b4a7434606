/** The audit log: contiguous, append-only, one sequencer at a time, nothing lost by a crash. */

import { sql, type Kysely } from 'kysely'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDeps, type TestDeps } from '../../../../test/support/test-deps.ts'
import type { Database } from '../db/schema.ts'
import { appendAudit, type NewAuditEntry } from './append-audit.ts'
import { listEntries } from './list-entries.ts'
import { tryLockSequencer } from './queries.ts'
import { sequenceAudit } from './sequence-audit.ts'

let deps: TestDeps
beforeAll(async () => {
  deps = await createTestDeps()
})
afterAll(async () => deps[Symbol.asyncDispose]())

const entry = (name: string): NewAuditEntry => ({
  occurredAt: deps.clock.now(),
  action: 'device.enroll',
  outcome: 'success',
  actor: { type: 'device', id: 'd', name },
  detail: { name },
})
const append = async (db: Kysely<Database>, ...names: string[]): Promise<readonly number[]> =>
  await db.transaction().execute((trx) => appendAudit(trx, names.map(entry)))
const read = async (own: TestDeps) => {
  const { items } = await listEntries(own, {})
  return items.map(({ index, detail }) => [index, detail['name']])
}

describe('indexes', () => {
  test('are contiguous from 0 in the order of the entries', async () => {
    await using own = await createTestDeps()
    await append(own.db, 'a', 'b')
    await append(own.db, 'c')
    expect(await read(own)).toEqual([])
    expect(await sequenceAudit(own)).toBe(3)
    await append(own.db, 'd')
    expect(await sequenceAudit(own)).toBe(1)
    expect(await read(own)).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
      [3, 'd'],
    ])
  })

  test('have no gap where a transaction was rolled back', async () => {
    await using own = await createTestDeps()
    await append(own.db, 'kept')
    const failing = own.db.transaction().execute(async (trx) => {
      await appendAudit(trx, [entry('lost'), entry('lost too')])
      throw new Error('rolled back')
    })
    await expect(failing).rejects.toThrow('rolled back')
    await append(own.db, 'kept too')
    await sequenceAudit(own)
    expect(await read(own)).toEqual([
      [0, 'kept'],
      [1, 'kept too'],
    ])
  })

  test('go to an entry that commits late, after those that committed before it', async () => {
    await using own = await createTestDeps()
    const late = new Client({ connectionString: own.databaseUrl })
    await late.connect()
    await late.query('begin')
    await late.query(`with entry as (
        insert into audit_entry (occurred_at, action, outcome, actor_type, detail)
        values (now(), 'device.enroll', 'success', 'system', '{"name":"late"}') returning id)
      insert into audit_pending select id from entry`)
    await append(own.db, 'early')
    expect(await sequenceAudit(own)).toBe(1)
    await late.query('commit')
    await late.end()
    await sequenceAudit(own)
    expect(await read(own)).toEqual([
      [0, 'early'],
      [1, 'late'],
    ])
  })

  test('are given to more entries than one batch holds', async () => {
    await using own = await createTestDeps()
    await append(own.db, ...Array.from({ length: 2500 }, (_, index) => `entry ${index}`))
    expect(await sequenceAudit(own)).toBe(2500)
    const page = await listEntries(own, { after: '2400' })
    expect(page.items).toHaveLength(99)
    expect(page.nextAfter).toBe(2499)
    expect(await listEntries(own, { after: '2499' })).toEqual({ items: [], nextAfter: 2499 })
    expect((await listEntries(own, { limit: '7' })).items).toHaveLength(7)
  })

  test('are given once each while many write and many sequence', async () => {
    await using own = await createTestDeps()
    const writers = Array.from({ length: 20 }, async (_, writer) => {
      for (let index = 0; index < 10; index += 1) await append(own.db, `${writer}-${index}`)
    })
    const sequencers = Array.from({ length: 4 }, async () => {
      for (let round = 0; round < 15; round += 1) await sequenceAudit(own)
    })
    await Promise.all([...writers, ...sequencers])
    await sequenceAudit(own)
    const { items } = await listEntries(own, {})
    expect(items.map(({ index }) => index)).toEqual(Array.from({ length: 200 }, (_, i) => i))
    expect(new Set(items.map(({ entryId }) => entryId)).size).toBe(200)
    // What one writer wrote after the other is in that order.
    for (let writer = 0; writer < 20; writer += 1) {
      const theirs = items.filter(({ detail }) => String(detail['name']).startsWith(`${writer}-`))
      expect(theirs.map(({ detail }) => detail['name'])).toEqual(
        Array.from({ length: 10 }, (_, index) => `${writer}-${index}`),
      )
    }
  })
})

describe('the sequencer', () => {
  test('stands back while another one is at it', async () => {
    await using own = await createTestDeps()
    await append(own.db, 'a')
    await own.db.transaction().execute(async (trx) => {
      expect(await tryLockSequencer(trx)).toBe(true)
      expect(await sequenceAudit(own)).toBe(0)
    })
    expect(await sequenceAudit(own)).toBe(1)
  })

  test('that dies in the middle leaves nothing half done, and another takes over', async () => {
    await using own = await createTestDeps()
    await append(own.db, 'a', 'b')
    const dying = new Client({ connectionString: own.databaseUrl })
    dying.on('error', () => undefined)
    await dying.connect()
    await dying.query('begin')
    await dying.query('select pg_advisory_xact_lock(21183411741485428)')
    await dying.query('delete from audit_pending')
    await dying.query('insert into audit_index select 0, min(id), now() from audit_entry')
    expect(await sequenceAudit(own)).toBe(0)
    // As if its machine lost power: the session ends without a word.
    const { rows } = await dying.query<{ pid: number }>('select pg_backend_pid() as pid')
    await sql`select pg_terminate_backend(${rows[0]!.pid})`.execute(own.db)
    await expect.poll(() => sequenceAudit(own)).toBe(2)
    expect(await read(own)).toEqual([
      [0, 'a'],
      [1, 'b'],
    ])
    await dying.end().catch(() => undefined)
  })
})

describe('append only: the database refuses to', () => {
  test.each([
    ['change an entry', sql`update audit_entry set outcome = 'denied'`],
    ['delete an entry', sql`delete from audit_entry`],
    ['empty the log', sql`truncate audit_entry cascade`],
    ['change an index', sql`update audit_index set entry_index = entry_index + 1`],
    ['delete an index', sql`delete from audit_index`],
    ['empty the indexes', sql`truncate audit_index`],
  ])('%s', async (_, attempt) => {
    await expect(attempt.execute(deps.db)).rejects.toThrow(/is refused: rows are only added/)
  })

  test('give an index twice, or an entry two indexes', async () => {
    await using own = await createTestDeps()
    const [id] = await append(own.db, 'a')
    await sequenceAudit(own)
    const again = sql`insert into audit_index values (1, ${id}, now())`.execute(own.db)
    await expect(again).rejects.toThrow(/audit_index_once_per_entry/)
    const same = sql`insert into audit_index values (0, ${id}, now())`.execute(own.db)
    await expect(same).rejects.toThrow(/audit_index_pkey/)
  })
})

test('an entry that cannot be written fails what it records', async () => {
  await using own = await createTestDeps()
  const attempt = own.db.transaction().execute(async (trx) => {
    await appendAudit(trx, [{ ...entry('x'), outcome: 'maybe' as 'success' }])
  })
  await expect(attempt).rejects.toThrow(/audit_entry_outcome_is_known/)
})
