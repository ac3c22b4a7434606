/** An emergency: shown at once, loudly, and reviewed by another person. */

import type { Disclosure } from '@keydesk/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  createApprovalScene,
  REASON,
  SECURITY,
  testRole,
  type ApprovalScene,
} from '../testing/test-approval-scene.ts'
import { TestPerson } from '../testing/test-person.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
let scene: ApprovalScene
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => service[Symbol.asyncDispose]())
beforeEach(async () => {
  scene = await createApprovalScene(service)
})

const invalid = (detail: string) => ({ status: 403, code: 'APPROVAL_INVALID', detail })
const UNKNOWN = invalid('You have no approval with this ID for this key.')

describe('an emergency', () => {
  const now = { emergency: true, reason: { ...REASON, text: 'surgery in ten minutes' } } as const

  test('is shown at once, loudly, and reviewed by another person later', async () => {
    const { approver, key } = scene
    const person = await TestPerson.create(service, SECURITY)
    const response = await person.disclose(key.protectorId, now)
    expect(response.statusCode).toBe(201)
    const id = response.json<Disclosure>().approvalId ?? ''
    const entries = await service.auditEntries()
    expect(entries.findLast(({ action }) => action === 'disclosure.emergency')).toMatchObject({
      actor: { id: person.id },
      recoveryKeyId: key.protectorId,
      detail: { approvalId: id },
    })
    const metrics = await service.deps.metrics.registry.metrics()
    expect(metrics).toContain('keydesk_disclosure_alerts_total{kind="emergency"} 1')
    const review = async (by: TestPerson) =>
      await by.call('POST', `/api/v1/approval-requests/${id}/review`, { verdict: 'accept' })
    const own = await review(person)
    expect(own.json()).toMatchObject({ code: 'APPROVER_NOT_INDEPENDENT' })
    const reviewed = await review(approver)
    expect(reviewed.json()).toMatchObject({
      state: 'accepted',
      isEmergency: true,
      decidedBy: { id: approver.id },
    })
    expect((await review(approver)).json()).toMatchObject({ code: 'APPROVAL_CLOSED' })
    // What waits for its review opens nothing further.
    const again = await person.disclose(key.protectorId, { reason: now.reason, approvalId: id })
    expect(again.json()).toMatchObject(UNKNOWN)
  })

  test('needs its own permission, and words', async () => {
    const { requester, key, disclosures } = scene
    const refused = await requester.disclose(key.protectorId, now)
    expect(refused.json()).toMatchObject({
      status: 403,
      code: 'FORBIDDEN',
      detail: 'This needs the permission keydesk/bitlockerKeys/key/readInEmergency.',
    })
    const person = await TestPerson.create(service, SECURITY)
    const mute = await person.disclose(key.protectorId, { ...now, reason: { code: 'drill' } })
    expect(mute.json()).toMatchObject({ status: 400, code: 'INVALID_REQUEST' })
    expect(await disclosures()).toBe(0)
  })

  test('is none of a program', async () => {
    const { key, disclosures } = scene
    const program = await service.disclose(key.protectorId, now)
    expect(program.json()).toMatchObject({
      status: 403,
      code: 'FORBIDDEN',
      detail: 'A program has no emergencies: a person has to answer for one.',
    })
    expect(await disclosures()).toBe(0)
  })

  test('does not become the rule: at most three of one person wait for their review', async () => {
    const { approver, key, disclosures } = scene
    const person = await TestPerson.create(service, SECURITY)
    const responses = await Promise.all(
      Array.from({ length: 6 }, async () => await person.disclose(key.protectorId, now)),
    )
    const shown = responses.filter(({ statusCode }) => statusCode === 201)
    expect(shown).toHaveLength(3)
    const refused = await person.disclose(key.protectorId, now)
    expect(refused.json()).toMatchObject({
      status: 429,
      code: 'TOO_MANY_REQUESTS',
      detail: expect.stringContaining('3 of your emergencies') as string,
    })
    expect(await disclosures()).toBe(3)
    // Those of another person are counted apart; a review makes room for one more.
    const other = await TestPerson.create(service, SECURITY)
    expect((await other.disclose(key.protectorId, now)).statusCode).toBe(201)
    const url = `/api/v1/approval-requests/${shown[0]?.json<Disclosure>().approvalId}/review`
    expect((await approver.call('POST', url, { verdict: 'reject' })).statusCode).toBe(200)
    expect((await person.disclose(key.protectorId, now)).statusCode).toBe(201)
    expect((await person.disclose(key.protectorId, now)).statusCode).toBe(429)
  })

  test.each([
    ['its record', 'approval_request', 'insert', ''],
    ['its audit entry', 'audit_entry', 'insert', `when (new.action = 'disclosure.emergency')`],
  ])(
    'P3 Logged first: where %s cannot be written, nothing is shown',
    async (_, table, op, when) => {
      await using own = await TestService.start()
      const [manager, person] = [
        await TestPerson.create(own, testRole('Global Administrator')),
        await TestPerson.create(own, SECURITY),
      ]
      const { protectorId } = await (await own.device()).escrowNew()
      const rule = await manager.call('POST', '/api/v1/approval-rules', SECURITY)
      expect(rule.statusCode).toBe(201)
      const { db } = own.deps
      await sql`create function refuse_write() returns trigger language plpgsql as
      $$ begin raise exception 'the disk is full'; end $$`.execute(db)
      await sql`create trigger refuse before ${sql.raw(op)} on ${sql.table(table)} for each row
      ${sql.raw(when)} execute function refuse_write()`.execute(db)
      const response = await person.disclose(protectorId, now)
      expect(response.json()).toMatchObject({ status: 503, code: 'AUDIT_UNAVAILABLE' })
      expect(response.body).not.toMatch(/\d{6}-\d{6}/)
      expect(await db.selectFrom('disclosure').select('id').execute()).toEqual([])
      await sql`drop trigger refuse on ${sql.table(table)}`.execute(db)
      expect((await person.disclose(protectorId, now)).statusCode).toBe(201)
    },
  )

  test('where nothing demands approval is an ordinary disclosure', async () => {
    const other = await service.device()
    const otherKey = await other.escrowNew()
    const person = await TestPerson.create(service, SECURITY)
    const response = await person.disclose(otherKey.protectorId, now)
    expect(response.json<Disclosure>().approvalId).toBeUndefined()
  })
})
