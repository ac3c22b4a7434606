/**
 * A device whose keys need approval, somebody who asks and somebody who approves: for tests of
 * approvals.
 */

import { BUILT_IN_ROLES, type ApprovalRequest } from '@keydesk/contract'
import { sql } from 'kysely'
import type { TestDevice, TestProtector } from './test-device.ts'
import { TestPerson } from './test-person.ts'
import { insertTestUnit } from './test-scopes.ts'
import type { TestService } from './test-service.ts'

export function testRole(displayName: string): { readonly roleId: string } {
  const role = BUILT_IN_ROLES.find((one) => one.displayName === displayName)
  if (role === undefined) throw new Error(`there is no built-in role ${displayName}`)
  return { roleId: role.id }
}

export const HELPDESK = testRole('Helpdesk Administrator')
/** Approves, and may be shown keys in an emergency. */
export const SECURITY = testRole('Security Administrator')
export const REASON = { code: 'recoveryScreen', text: 'on the phone', ticket: 'INC-1' } as const

export interface ApprovalScene {
  readonly service: TestService
  readonly administrator: TestPerson
  readonly requester: TestPerson
  readonly approver: TestPerson
  readonly device: TestDevice
  readonly key: TestProtector
  /** Of the device; the rule is about it. */
  readonly unitId: string
  /** Makes a rule; returns its ID. */
  readonly demand: (subject: object) => Promise<string>
  /** The requester for the key, unless told otherwise. */
  readonly ask: (by?: TestPerson, more?: object) => Promise<ApprovalRequest>
  readonly decide: (
    id: string,
    by?: TestPerson,
    decision?: 'approve' | 'deny',
  ) => Promise<TestAnswer>
  /** Asked and approved; the ID. */
  readonly approved: (by?: TestPerson, more?: object) => Promise<string>
  readonly use: (approvalId: string, by?: TestPerson, more?: object) => Promise<TestAnswer>
  /** How many of the keys of the device. */
  readonly disclosures: () => Promise<number>
}

type TestAnswer = Awaited<ReturnType<TestPerson['call']>>

function must(response: TestAnswer, status: number): TestAnswer {
  if (response.statusCode !== status) throw new Error(`expected ${status}: ${response.body}`)
  return response
}

export async function createApprovalScene(service: TestService): Promise<ApprovalScene> {
  const administrator = await TestPerson.create(service, testRole('Global Administrator'))
  const requester = await TestPerson.create(service, HELPDESK)
  const approver = await TestPerson.create(service, SECURITY)
  const device = await service.device()
  const key = await device.escrowNew()
  const unitId = await insertTestUnit(service.deps.db, [device.deviceId])

  const demand = async (subject: object): Promise<string> => {
    const response = await administrator.call('POST', '/api/v1/approval-rules', subject)
    return must(response, 201).json<{ id: string }>().id
  }
  const ask = async (by = requester, more: object = {}): Promise<ApprovalRequest> => {
    const body = { recoveryKeyId: key.protectorId, reason: REASON, ...more }
    const response = await by.call('POST', '/api/v1/approval-requests', body)
    return must(response, 201).json<ApprovalRequest>()
  }
  const decide: ApprovalScene['decide'] = async (id, by = approver, decision = 'approve') => {
    const url = `/api/v1/approval-requests/${id}/decision`
    return await by.call('POST', url, { decision, comment: 'asked him myself' })
  }
  await demand({ deviceSetId: unitId })
  return {
    service,
    administrator,
    requester,
    approver,
    device,
    key,
    unitId,
    demand,
    ask,
    decide,
    approved: async (by = requester, more = {}) => {
      const { id } = await ask(by, more)
      must(await decide(id), 200)
      return id
    },
    use: async (approvalId, by = requester, more = {}) =>
      await by.disclose(key.protectorId, { reason: REASON, approvalId, ...more }),
    disclosures: async () => {
      const { rows } = await sql<{ count: number }>`
        select count(*) as count from disclosure
          join recovery_key key on key.id = disclosure.recovery_key_id
         where key.device_id = ${device.deviceId}`.execute(service.deps.db)
      return rows[0]?.count ?? -1
    },
  }
}
