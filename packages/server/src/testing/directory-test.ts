/** A service with shorthands for tests of the directory: callers with just some permissions. */

import { randomUUID } from 'node:crypto'
import type { AuditEntry, PermissionName } from '@keydesk/contract'
import type { LightMyRequestResponse } from 'fastify'
import type { AssignmentScope } from '../access/grants.ts'
import { insertTestGroup, insertTestUser } from './test-people.ts'
import { insertTestAssignment } from './test-scopes.ts'
import { TestService } from './test-service.ts'
import { startTestSession } from './test-session.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
/** A body that is a text is sent as CSV. */
export type Call = (
  method: Method,
  url: string,
  body?: object | string,
) => Promise<LightMyRequestResponse>

export class DirectoryTest implements AsyncDisposable {
  readonly service: TestService

  private constructor(service: TestService) {
    this.service = service
  }

  static async start(): Promise<DirectoryTest> {
    return new DirectoryTest(await TestService.start())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service[Symbol.asyncDispose]()
  }

  readonly admin: Call = async (method, url, body) => {
    const authorization = `Bearer ${this.service.administratorToken}`
    return await this.#send({ authorization }, method, url, body)
  }

  async #send(
    headers: Readonly<Record<string, string>>,
    ...[method, url, body]: Parameters<Call>
  ): Promise<LightMyRequestResponse> {
    const type = typeof body === 'string' ? 'text/csv' : 'application/json'
    return await this.service.app.inject({
      method,
      url,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': type }) },
      ...(body === undefined
        ? {}
        : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  }

  /** What a person asks, from a session of his own. */
  asUser(userId: string): Call {
    return async (...request) => {
      const { writes } = await startTestSession(this.service, userId)
      return await this.#send(writes, ...request)
    }
  }

  /** A new person with these permissions, in the whole directory or in the scope. */
  async caller(
    permissions: readonly PermissionName[],
    scope: AssignmentScope = { type: 'directory' },
  ): Promise<Call & { readonly userId: string }> {
    const { db } = this.service.deps
    const userId = await insertTestUser(db)
    await this.assign(userId, await this.role(permissions), scope)
    return Object.assign(this.asUser(userId), { userId })
  }

  /** Returns the ID of a custom role. */
  async role(permissions: readonly PermissionName[]): Promise<string> {
    const id = randomUUID()
    const now = this.service.deps.clock.now()
    await this.service.deps.db
      .insertInto('role_definition')
      .values({
        id,
        display_name: `role-${id}`,
        permissions: [...permissions],
        created_at: now,
        updated_at: now,
      })
      .execute()
    return id
  }

  async assign(
    principalId: string,
    roleId: string,
    scope: AssignmentScope = { type: 'directory' },
    expiresAt?: Date,
  ): Promise<void> {
    const assignment = { principalId, roleId, scope, expiresAt }
    await insertTestAssignment(this.service.deps.db, assignment)
  }

  /** Returns the ID of a new group with these members. */
  async group(userIds: readonly string[] = []): Promise<string> {
    const members = userIds.map((id) => ({ id }))
    return await insertTestGroup(this.service.deps.db, members)
  }

  async setOwner(deviceId: string, userId: string): Promise<void> {
    const response = await this.admin('PUT', `/api/v1/devices/${deviceId}/owner`, { userId })
    if (response.statusCode !== 200) throw new Error(`no owner: ${response.body}`)
  }

  /** Those whose detail has these values, oldest first. */
  async entriesOf(action: string, detail: Readonly<Record<string, string>>) {
    const entries = await this.service.auditEntries()
    return entries.filter(
      (entry: AuditEntry) =>
        entry.action === action &&
        Object.entries(detail).every(([name, value]) => entry.detail[name] === value),
    )
  }
}
