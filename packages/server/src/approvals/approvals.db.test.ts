/** Approvals where they are demanded: once, for one key, for one reason, to who asked. */

import { randomUUID } from 'node:crypto'
import { formatRecoveryPassword } from '@keydesk/bitlocker'
import type { ApprovalRequest, Disclosure } from '@keydesk/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  createApprovalScene,
  HELPDESK,
  REASON,
  SECURITY,
  type ApprovalScene,
} from '../testing/test-approval-scene.ts'
import { TestPerson } from '../testing/test-person.ts'
import { insertTestAssignment } from '../testing/test-scopes.ts'
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

describe('where approval is demanded', () => {
  test('nothing is shown without it, and the answer says what to do', async () => {
    const { requester, key, disclosures } = scene
    const response = await requester.disclose(key.protectorId)
    expect(response.json()).toMatchObject({
      status: 403,
      code: 'APPROVAL_REQUIRED',
      detail: expect.stringContaining('POST /api/v1/approval-requests') as string,
    })
    expect(await disclosures()).toBe(0)
  })

  test('it is shown with it, to who asked, and both are on record', async () => {
    const { requester, approver, key, approved, use } = scene
    const id = await approved()
    const response = await use(id)
    expect(response.statusCode).toBe(201)
    const shown = response.json<Disclosure>()
    expect(shown).toMatchObject({
      approvalId: id,
      recoveryPassword: formatRecoveryPassword(key.recoveryKey),
    })
    const entries = (await service.auditEntries()).filter(
      ({ recoveryKeyId }) => recoveryKeyId === key.protectorId,
    )
    expect(entries.map(({ action }) => action)).toEqual([
      'key.escrow',
      'approval.request',
      'approval.decide',
      'disclosure.request',
      'rotation.request',
      'disclosure.show',
    ])
    expect(entries[2]).toMatchObject({
      actor: { type: 'user', id: approver.id },
      detail: { approvalId: id, state: 'approved', requesterId: requester.id },
    })
    expect(entries[3]?.detail).toMatchObject({ approvalId: id, isEmergency: false })
    expect(JSON.stringify(entries)).not.toContain(shown.recoveryPassword)
  })

  test('a rule about a role binds whoever holds it, whatever other role he has', async () => {
    const { administrator, requester, demand } = scene
    const other = await service.device()
    const otherKey = await other.escrowNew()
    const person = await TestPerson.create(service, HELPDESK, SECURITY)
    const ruleId = await demand({ roleId: SECURITY.roleId })
    const response = await person.disclose(otherKey.protectorId)
    expect(response.json()).toMatchObject({ code: 'APPROVAL_REQUIRED' })
    expect((await requester.disclose(otherKey.protectorId)).statusCode).toBe(201)
    const removal = await administrator.call('DELETE', `/api/v1/approval-rules/${ruleId}`)
    expect(removal.statusCode).toBe(204)
    expect((await person.disclose(otherKey.protectorId)).statusCode).toBe(201)
  })

  test('programs need it too, and cannot be the second person', async () => {
    const { key, ask, decide } = scene
    const refused = await service.disclose(key.protectorId)
    expect(refused.json()).toMatchObject({ code: 'APPROVAL_REQUIRED' })
    const body = { recoveryKeyId: key.protectorId, reason: REASON }
    const asked = await service.admin('POST', '/api/v1/approval-requests', body)
    const { id } = asked.json<ApprovalRequest>()
    expect(asked.json()).toMatchObject({ requester: { type: 'app' } })
    const { id: another } = await ask()
    const url = `/api/v1/approval-requests/${another}/decision`
    const decision = await service.admin('POST', url, { decision: 'approve' })
    expect(decision.json()).toMatchObject({
      status: 403,
      code: 'FORBIDDEN',
      detail: 'A program cannot be the second person.',
    })
    expect((await decide(id)).statusCode).toBe(200)
    const shown = await service.disclose(key.protectorId, { reason: REASON, approvalId: id })
    expect(shown.statusCode).toBe(201)
  })

  test('whoever may read with approval only needs it everywhere', async () => {
    const { approved } = scene
    const { db, clock } = service.deps
    const roleId = randomUUID()
    await db
      .insertInto('role_definition')
      .values({
        id: roleId,
        display_name: `approved readers ${roleId}`,
        permissions: ['keydesk/bitlockerKeys/key/readWithApproval'],
        created_at: clock.now(),
        updated_at: clock.now(),
      })
      .execute()
    const person = await TestPerson.create(service, { roleId })
    const other = await service.device()
    const otherKey = await other.escrowNew()
    const refused = await person.disclose(otherKey.protectorId)
    expect(refused.json()).toMatchObject({ code: 'APPROVAL_REQUIRED' })
    const id = await approved(person, { recoveryKeyId: otherKey.protectorId })
    const more = { reason: REASON, approvalId: id }
    expect((await person.disclose(otherKey.protectorId, more)).statusCode).toBe(201)
    // Who is denied reading is not helped by it.
    await insertTestAssignment(db, { principalId: person.id, ...HELPDESK, effect: 'deny' })
    const denied = await person.disclose(otherKey.protectorId, more)
    expect(denied.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
  })

  test('an owner needs it too, and another person than the owner approves', async () => {
    const { device, key, decide, use } = scene
    const owner = await TestPerson.create(service, SECURITY)
    await owner.own(device.deviceId)
    const refused = await owner.discloseOwn(device.deviceId, key.protectorId)
    expect(refused.json()).toMatchObject({ code: 'APPROVAL_REQUIRED' })
    const body = { deviceId: device.deviceId, keyId: key.protectorId, reason: REASON }
    const asked = await owner.call('POST', '/api/v1/me/approval-requests', body)
    const { id } = asked.json<ApprovalRequest>()
    expect((await decide(id, owner)).json()).toMatchObject({ code: 'APPROVER_NOT_INDEPENDENT' })
    expect((await decide(id)).statusCode).toBe(200)
    // It was given to the owner, not to the holder of the role that he is as well.
    expect((await use(id, owner)).json()).toMatchObject(UNKNOWN)
    const more = { reason: REASON, approvalId: id }
    const shown = await owner.discloseOwn(device.deviceId, key.protectorId, more)
    expect(shown.statusCode).toBe(201)
  })
})

describe('an approval is refused', () => {
  test('a second time', async () => {
    const { approved, use, disclosures } = scene
    const id = await approved()
    expect((await use(id)).statusCode).toBe(201)
    const again = invalid('This approval was used. Ask for another one.')
    expect((await use(id)).json()).toMatchObject(again)
    expect(await disclosures()).toBe(1)
  })

  test('to all but one of many that use it at once', async () => {
    const { approved, use, disclosures } = scene
    const id = await approved()
    const responses = await Promise.all(Array.from({ length: 10 }, async () => await use(id)))
    const statuses = responses.map(({ statusCode }) => statusCode)
    expect(statuses.toSorted((a, b) => a - b)).toEqual([
      201,
      ...Array.from({ length: 9 }, () => 403),
    ])
    expect(await disclosures()).toBe(1)
  })

  test('when it is withdrawn at the same moment', async () => {
    const { approved, use, disclosures } = scene
    const { db } = service.deps
    const id = await approved()
    let pending: Promise<unknown> | undefined
    await db.transaction().execute(async (trx) => {
      await sql`update approval_request set state = 'cancelled' where id = ${id}`.execute(trx)
      pending = use(id).then((answer) => answer.json())
      for (let waiting = 0; waiting === 0;) {
        const { rows } = await sql<{ count: number }>`
          select count(*) as count from pg_stat_activity
           where datname = current_database() and wait_event_type = 'Lock'`.execute(db)
        waiting = rows[0]?.count ?? 0
      }
    })
    const detail = 'This request for approval is cancelled.'
    expect(await pending).toMatchObject(invalid(detail))
    expect(await disclosures()).toBe(0)
  })

  test('for another key, even of the same device', async () => {
    const { requester, device, approved, disclosures } = scene
    const id = await approved()
    const other = await device.escrowNew()
    const response = await requester.disclose(other.protectorId, { reason: REASON, approvalId: id })
    expect(response.json()).toMatchObject(UNKNOWN)
    expect(await disclosures()).toBe(0)
  })

  test('to somebody else', async () => {
    const { approved, use } = scene
    const id = await approved()
    const other = await TestPerson.create(service, HELPDESK)
    expect((await use(id, other)).json()).toMatchObject(UNKNOWN)
    expect((await use(randomUUID())).json()).toMatchObject(UNKNOWN)
  })

  test('for another reason', async () => {
    const { requester, approved, use } = scene
    const id = await approved()
    const response = await use(id, requester, { reason: { ...REASON, ticket: 'INC-2' } })
    const detail = 'The reason is not the one that was approved.'
    expect(response.json()).toMatchObject(invalid(detail))
  })

  test('before a decision, after a denial, after withdrawal', async () => {
    const { requester, approver, ask, decide, approved, use, disclosures } = scene
    const pending = await ask()
    const notYet = invalid('This request for approval is pending.')
    expect((await use(pending.id)).json()).toMatchObject(notYet)
    expect((await decide(pending.id, approver, 'deny')).statusCode).toBe(200)
    const denied = invalid('This request for approval is denied.')
    expect((await use(pending.id)).json()).toMatchObject(denied)
    const id = await approved()
    const withdrawal = await requester.call('DELETE', `/api/v1/approval-requests/${id}`)
    expect(withdrawal.statusCode).toBe(204)
    const cancelled = invalid('This request for approval is cancelled.')
    expect((await use(id)).json()).toMatchObject(cancelled)
    expect(await disclosures()).toBe(0)
  })

  test('once who approved it is disabled, out of scope, or owns the device', async () => {
    const { requester, approver, device, unitId, approved, use } = scene
    const { db } = service.deps
    const detail = 'Who approved this may no longer do so. Ask for another approval.'
    const id = await approved()
    const changeUser = async (is_active: boolean) =>
      await db
        .updateTable('directory_user')
        .set({ is_active })
        .where('id', '=', approver.id)
        .execute()
    await changeUser(false)
    expect((await use(id)).json()).toMatchObject(invalid(detail))
    await changeUser(true)
    const scope = { type: 'administrativeUnit', id: unitId } as const
    const denial = { principalId: approver.id, ...SECURITY, effect: 'deny', scope } as const
    const denialId = await insertTestAssignment(db, denial)
    expect((await use(id)).json()).toMatchObject(invalid(detail))
    await db.deleteFrom('role_assignment').where('id', '=', denialId).execute()
    await approver.own(device.deviceId)
    expect((await use(id)).json()).toMatchObject(invalid(detail))
    await requester.own(device.deviceId)
    expect((await use(id)).statusCode).toBe(201)
  })
})

test('P3 Logged first: where an approval cannot be used up, nothing is shown', async () => {
  const { approved, use, disclosures } = scene
  const id = await approved()
  const { db } = service.deps
  await sql`create or replace function refuse_use() returns trigger language plpgsql as
    $$ begin raise exception 'the disk is full'; end $$`.execute(db)
  await sql`create trigger refuse_use before update on approval_request for each row
    when (new.state = 'used') execute function refuse_use()`.execute(db)
  const response = await use(id)
  expect(response.json()).toMatchObject({ status: 503, code: 'AUDIT_UNAVAILABLE' })
  expect(await disclosures()).toBe(0)
  await sql`drop trigger refuse_use on approval_request`.execute(db)
  expect((await use(id)).statusCode).toBe(201)
})
