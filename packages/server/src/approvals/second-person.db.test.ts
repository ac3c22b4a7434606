/** The second person is neither who asks nor the owner, by the rule and by the database. */

import { randomUUID } from 'node:crypto'
import { formatRecoveryPassword } from '@keydesk/bitlocker'
import type { ApprovalRequest, ApprovalRequestPage } from '@keydesk/contract'
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
import { TestProgram } from '../testing/test-program.ts'
import { insertTestUnit } from '../testing/test-scopes.ts'
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

describe('the second person', () => {
  const refusal = (detail: string) => ({ status: 403, code: 'APPROVER_NOT_INDEPENDENT', detail })

  test('is not who asks', async () => {
    const { ask, decide, use } = scene
    const both = await TestPerson.create(service, SECURITY)
    const { id } = await ask(both)
    expect((await decide(id, both)).json()).toMatchObject(refusal('You asked for this yourself.'))
    expect((await use(id, both)).json()).toMatchObject({ code: 'APPROVAL_INVALID' })
  })

  test('is not the owner of the device', async () => {
    const { approver, device, ask, decide } = scene
    const { id } = await ask()
    await approver.own(device.deviceId)
    expect((await decide(id)).json()).toMatchObject(refusal('You own this device.'))
  })

  test('is not whoever made the program that asks, or a secret of it', async () => {
    const { administrator, approver, key, decide } = scene
    const { db } = service.deps
    const mine = await TestProgram.create(service, ['BitlockerKey.Read.All'])
    const body = { recoveryKeyId: key.protectorId, reason: REASON }
    const ask = async (): Promise<string> => {
      const asked = await service.post('/api/v1/approval-requests', body, await mine.token())
      return asked.json<ApprovalRequest>().id
    }
    const detail = 'You registered the program that asks, or made a secret or key for it.'
    const [first, second, third] = [await ask(), await ask(), await ask()]
    await db
      .updateTable('app_credential')
      .set({ created_by: administrator.id })
      .where('app_id', '=', mine.id)
      .execute()
    expect((await decide(first, administrator)).json()).toMatchObject(refusal(detail))
    // By way of another program of his, too.
    const other = await TestProgram.create(service)
    await db
      .updateTable('app')
      .set({ created_by: administrator.id })
      .where('id', '=', other.id)
      .execute()
    await db
      .updateTable('app_credential')
      .set({ created_by: other.id })
      .where('app_id', '=', mine.id)
      .execute()
    expect((await decide(second, administrator)).json()).toMatchObject(refusal(detail))
    // Nor does a secret help that he makes once he has approved.
    expect((await decide(third, approver)).statusCode).toBe(200)
    await db
      .updateTable('app_credential')
      .set({ created_by: approver.id })
      .where('app_id', '=', mine.id)
      .execute()
    const use = { ...body, approvalId: third }
    const used = await service.post('/api/v1/disclosures', use, await mine.token())
    const gone = 'Who approved this may no longer do so. Ask for another approval.'
    expect(used.json()).toMatchObject(invalid(gone))
  })

  test.each([
    ['who asks', () => scene.requester.id, 'approval_request_approver_is_not_requester'],
    ['the owner', () => scene.approver.id, 'approval_request_approver_is_not_owner'],
  ])('is not %s by the word of the database either', async (_, whoId, constraint) => {
    const { approver, device, ask } = scene
    const { db, clock } = service.deps
    const { id } = await ask()
    await approver.own(device.deviceId)
    // An owner_id that leaves the owner out is overwritten.
    const update = sql`
      update approval_request set state = 'approved', decided_by = ${whoId()},
             decided_at = ${clock.now()}, owner_id = null
       where id = ${id}`.execute(db)
    await expect(update).rejects.toMatchObject({ constraint })
  })

  test('is judged by the device that the key is of, not by another one', async () => {
    const { device, requester, ask } = scene
    const { db } = service.deps
    const { id } = await ask()
    const other = await service.device()
    expect(other.deviceId).not.toBe(device.deviceId)
    const copy = sql`
      insert into approval_request (id, recovery_key_id, device_id, requester_id, kind,
             reason_code, is_emergency, state, requested_at, expires_at)
      select ${randomUUID()}, recovery_key_id, ${other.deviceId}, ${requester.id}, kind,
             reason_code, is_emergency, 'pending', requested_at, expires_at
        from approval_request where id = ${id}`.execute(db)
    await expect(copy).rejects.toMatchObject({ constraint: 'approval_request_key_of_device' })
  })

  test('cannot change afterwards whose decision it was, or what it was about', async () => {
    const { administrator, device, approved, use } = scene
    const { db } = service.deps
    const id = await approved()
    const other = await device.escrowNew()
    for (const change of [
      sql`decided_by = ${administrator.id}`,
      sql`requester_id = ${administrator.id}`,
      sql`expires_at = expires_at + interval '1 year'`,
      sql`recovery_key_id = (
            select id from recovery_key where protector_id = ${other.protectorId})`,
    ]) {
      const update = sql`update approval_request set ${change} where id = ${id}`.execute(db)
      await expect(update).rejects.toThrow('is refused')
    }
    expect((await use(id)).statusCode).toBe(201)
    const revival = sql`
      update approval_request set state = 'approved', used_at = null where id = ${id}`.execute(db)
    await expect(revival).rejects.toThrow('stays closed')
  })

  test('out of scope does not know of it', async () => {
    const { ask, decide } = scene
    const elsewhere = await insertTestUnit(service.deps.db, [])
    const scope = { type: 'administrativeUnit', id: elsewhere } as const
    const scoped = await TestPerson.create(service, { ...SECURITY, scope })
    const { id } = await ask()
    const unknown = { status: 404, code: 'NOT_FOUND' }
    expect((await decide(id, scoped)).json()).toMatchObject(unknown)
    const url = `/api/v1/approval-requests/${id}`
    expect((await scoped.call('GET', url)).json()).toMatchObject(unknown)
    expect((await scoped.call('DELETE', url)).json()).toMatchObject(unknown)
    const list = await scoped.call('GET', '/api/v1/approval-requests')
    expect(list.json<ApprovalRequestPage>().items).toEqual([])
  })

  test('who may only see requests does not decide', async () => {
    const { ask, decide } = scene
    const { id } = await ask()
    const helper = await TestPerson.create(service, HELPDESK)
    expect((await decide(id, helper)).json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
    const listed = await helper.call('GET', '/api/v1/approval-requests?state=pending&limit=200')
    expect(listed.json<ApprovalRequestPage>().items.map((item) => item.id)).toContain(id)
  })

  test('needs a recent sign-in', async () => {
    const { approver, ask, decide } = scene
    const { id } = await ask()
    await approver.signInAgain({ acr: 'urn:keydesk:acr:password' })
    expect((await decide(id)).json()).toMatchObject({ status: 401, code: 'STEP_UP_REQUIRED' })
  })

  test('decides once', async () => {
    const { approver, decide, approved } = scene
    const id = await approved()
    expect((await decide(id, approver, 'deny')).json()).toMatchObject({
      status: 409,
      code: 'APPROVAL_CLOSED',
      detail: 'This request is approved.',
    })
  })
})

describe('a request for approval', () => {
  test('expires, and then is neither decided nor used', async () => {
    await using own = await TestService.start()
    const [asker, second] = [
      await TestPerson.create(own, HELPDESK),
      await TestPerson.create(own, SECURITY),
    ]
    const ownDevice = await own.device()
    const { protectorId } = await ownDevice.escrowNew()
    const body = { recoveryKeyId: protectorId, reason: REASON, expiresInSeconds: 300 }
    const url = '/api/v1/approval-requests'
    const [one, two] = [
      (await asker.call('POST', url, body)).json<ApprovalRequest>(),
      (await asker.call('POST', url, body)).json<ApprovalRequest>(),
    ]
    const decision = { decision: 'approve' }
    expect((await second.call('POST', `${url}/${one.id}/decision`, decision)).statusCode).toBe(200)
    own.deps.clock.advance(300)
    const late = await second.call('POST', `${url}/${two.id}/decision`, decision)
    expect(late.json()).toMatchObject({
      code: 'APPROVAL_CLOSED',
      detail: 'This request is expired.',
    })
    const used = await asker.disclose(protectorId, { reason: REASON, approvalId: one.id })
    const detail = 'This approval has expired. Ask for another one.'
    expect(used.json()).toMatchObject(invalid(detail))
    const list = await asker.call('GET', `${url}?mine=true&state=expired`)
    expect(list.json<ApprovalRequestPage>().items).toHaveLength(2)
  })

  test('is not for a key out of reach, nor without end', async () => {
    const { device, key } = scene
    const scope = { type: 'device', id: device.deviceId } as const
    const scoped = await TestPerson.create(service, { ...HELPDESK, scope })
    const other = await service.device()
    const otherKey = await other.escrowNew()
    const url = '/api/v1/approval-requests'
    const body = { recoveryKeyId: otherKey.protectorId, reason: REASON }
    expect((await scoped.call('POST', url, body)).json()).toMatchObject({ code: 'NOT_FOUND' })
    const forever = { recoveryKeyId: key.protectorId, reason: REASON, expiresInSeconds: 1e9 }
    expect((await scoped.call('POST', url, forever)).json()).toMatchObject({ status: 400 })
  })

  test('comes in bounded numbers', async () => {
    const { key } = scene
    const person = await TestPerson.create(service, HELPDESK)
    const body = { recoveryKeyId: key.protectorId, reason: REASON }
    const attempts = Array.from({ length: 22 }, async () =>
      person.call('POST', '/api/v1/approval-requests', body),
    )
    const statuses = (await Promise.all(attempts)).map(({ statusCode }) => statusCode)
    expect(statuses.filter((status) => status === 201)).toHaveLength(20)
    expect(statuses.filter((status) => status === 429)).toHaveLength(2)
  })

  test('with what looks like a recovery password in it is refused', async () => {
    const { approver, key, ask } = scene
    const password = formatRecoveryPassword(key.recoveryKey)
    const { id } = await ask()
    const url = `/api/v1/approval-requests/${id}/decision`
    const response = await approver.call('POST', url, { decision: 'approve', comment: password })
    expect(response.json()).toMatchObject({ status: 400, code: 'INVALID_REQUEST' })
    expect(response.body).not.toContain(password.slice(0, 13))
  })
})
