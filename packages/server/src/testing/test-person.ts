/** A person for tests: a user with roles who signed in with a browser and calls the API. */

import type { CreateDisclosure } from '@keydesk/contract'
import type { LightMyRequestResponse } from 'fastify'
import type { AssignmentScope } from '../access/grants.ts'
import type { NewSession } from '../sessions/start-session.ts'
import { insertTestUser } from './test-people.ts'
import { insertTestAssignment } from './test-scopes.ts'
import type { TestService } from './test-service.ts'
import { startTestSession, type TestSession } from './test-session.ts'

export interface TestRole {
  readonly roleId: string
  readonly effect?: 'allow' | 'deny'
  readonly scope?: AssignmentScope
}

export class TestPerson {
  readonly service: TestService
  readonly id: string
  #session: TestSession

  private constructor(service: TestService, id: string, session: TestSession) {
    this.service = service
    this.id = id
    this.#session = session
  }

  /** A new user, signed in just now with two factors. */
  static async create(service: TestService, ...roles: readonly TestRole[]): Promise<TestPerson> {
    const { db } = service.deps
    const id = await insertTestUser(db)
    for (const role of roles) await insertTestAssignment(db, { principalId: id, ...role })
    return new TestPerson(service, id, await startTestSession(service, id))
  }

  async signInAgain(more: Partial<NewSession> = {}): Promise<void> {
    this.#session = await startTestSession(this.service, this.id, more)
  }

  async call(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    body?: object,
  ): Promise<LightMyRequestResponse> {
    return await this.service.app.inject({
      method,
      url,
      headers: {
        ...this.#session.writes,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    })
  }

  /** A CSV file. */
  async upload(url: string, csv: string): Promise<LightMyRequestResponse> {
    const headers = { ...this.#session.writes, 'content-type': 'text/csv' }
    return await this.service.app.inject({ method: 'POST', url, headers, payload: csv })
  }

  /** By the right of a role. */
  async disclose(
    recoveryKeyId: string,
    more: Partial<CreateDisclosure> = {},
  ): Promise<LightMyRequestResponse> {
    const body = { recoveryKeyId, reason: { code: 'recoveryScreen' }, ...more }
    return await this.call('POST', '/api/v1/disclosures', body)
  }

  /** By the right of an owner. */
  async discloseOwn(
    deviceId: string,
    keyId: string,
    more: object = {},
  ): Promise<LightMyRequestResponse> {
    const body = { deviceId, keyId, reason: { code: 'recoveryScreen' }, ...more }
    return await this.call('POST', '/api/v1/me/disclosures', body)
  }

  /** Becomes the owner, without a rotation. */
  async own(deviceId: string): Promise<void> {
    await this.service.deps.db
      .updateTable('device')
      .set({ owner_id: this.id })
      .where('id', '=', deviceId)
      .execute()
  }
}
