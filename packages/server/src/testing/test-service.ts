/**
 * The whole application on a database of the test's own, spoken to by `inject`. Its administrator
 * is a program with an access token of the built-in issuer; people are in `test-session.ts`.
 */

import {
  GLOBAL_ADMINISTRATOR,
  type AuditEntry,
  type AuditPage,
  type CreatedEnrollmentToken,
  type DeviceDetail,
  type Disclosure,
} from '@keydesk/contract'
import type { LightMyRequestResponse } from 'fastify'
import { createTestDeps, type TestDeps } from '../../../../test/support/test-deps.ts'
import { buildApp } from '../app.ts'
import { sequenceAudit } from '../audit/sequence-audit.ts'
import type { Config } from '../config.ts'
import type { App } from '../http/app-type.ts'
import { insertTestAssignment, insertTestApp } from './test-scopes.ts'
import { issueTestToken } from './issue-test-token.ts'
import { TestDevice } from './test-device.ts'

export class TestService implements AsyncDisposable {
  readonly deps: TestDeps
  readonly app: App
  readonly administratorToken: string
  #enrollmentToken: string | undefined

  private constructor(deps: TestDeps, app: App, administratorToken: string) {
    this.deps = deps
    this.app = app
    this.administratorToken = administratorToken
  }

  static async start(config: Partial<Config> = {}, overrides: Partial<TestDeps> = {}) {
    const deps = { ...(await createTestDeps(config)), ...overrides }
    const app = await buildApp(deps)
    const appId = await insertTestApp(deps.db, { display_name: 'test administrator' })
    await insertTestAssignment(deps.db, { principalId: appId, roleId: GLOBAL_ADMINISTRATOR })
    return new TestService(deps, app, await issueTestToken(deps, app, appId))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.close()
    await this.deps[Symbol.asyncDispose]()
  }

  async post(url: string, body: object, bearer: string): Promise<LightMyRequestResponse> {
    return await this.app.inject({
      method: 'POST',
      url,
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      payload: JSON.stringify(body),
    })
  }

  /** As the administrator. */
  async admin(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    body?: object,
  ): Promise<LightMyRequestResponse> {
    return await this.app.inject({
      method,
      url,
      headers: {
        authorization: `Bearer ${this.administratorToken}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    })
  }

  async enrollmentToken(more: object = {}): Promise<CreatedEnrollmentToken> {
    const body = { name: 'test', usesMax: 100_000, expiresInSeconds: 30 * 86_400, ...more }
    const response = await this.admin('POST', '/api/v1/enrollment-tokens', body)
    if (response.statusCode !== 201) throw new Error(`no token: ${response.body}`)
    return response.json<CreatedEnrollmentToken>()
  }

  /** A new device, enrolled. */
  async device(name?: string): Promise<TestDevice> {
    this.#enrollmentToken ??= (await this.enrollmentToken()).token
    const device = new TestDevice(this, name)
    const response = await device.enroll(this.#enrollmentToken)
    if (response.statusCode !== 201) throw new Error(`enrolment failed: ${response.body}`)
    return device
  }

  async disclose(recoveryKeyId: string, more: object = {}): Promise<LightMyRequestResponse> {
    const body = { recoveryKeyId, reason: { code: 'recoveryScreen' }, ...more }
    return await this.admin('POST', '/api/v1/disclosures', body)
  }

  /** A disclosure that must succeed. */
  async show(recoveryKeyId: string): Promise<Disclosure> {
    const response = await this.disclose(recoveryKeyId)
    if (response.statusCode !== 201) throw new Error(`disclosure failed: ${response.body}`)
    return response.json<Disclosure>()
  }

  async detail(deviceId: string): Promise<DeviceDetail> {
    return (await this.admin('GET', `/api/v1/devices/${deviceId}`)).json<DeviceDetail>()
  }

  /** Every audit entry, after giving the pending ones their indexes. */
  async auditEntries(): Promise<AuditEntry[]> {
    await sequenceAudit(this.deps)
    const entries: AuditEntry[] = []
    for (let after = -1; ;) {
      const response = await this.admin('GET', `/api/v1/audit/entries?after=${after}`)
      const page = response.json<AuditPage>()
      if (page.items.length === 0) return entries
      entries.push(...page.items)
      after = page.nextAfter
    }
  }
}
