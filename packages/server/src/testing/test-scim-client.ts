/** A SCIM client for tests: speaks with a provisioning token, as Entra ID and Okta do. */

import type { CreatedProvisioningToken } from '@keydesk/contract'
import type { LightMyRequestResponse } from 'fastify'
import type { TestService } from './test-service.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface ScimResource {
  readonly id: string
  readonly meta: { readonly location: string; readonly version: string }
  readonly [attribute: string]: unknown
}

export interface ScimList {
  readonly totalResults: number
  readonly startIndex: number
  readonly itemsPerPage: number
  readonly Resources: readonly ScimResource[]
}

export class TestScimClient {
  readonly #service: TestService
  readonly token: CreatedProvisioningToken

  private constructor(service: TestService, token: CreatedProvisioningToken) {
    this.#service = service
    this.token = token
  }

  /** With a token that the administrator makes for a month. */
  static async of(service: TestService, name = 'Entra ID'): Promise<TestScimClient> {
    const body = { name, expiresInSeconds: 30 * 86_400 }
    const response = await service.admin('POST', '/api/v1/provisioning-tokens', body)
    if (response.statusCode !== 201) throw new Error(`no token: ${response.body}`)
    return new TestScimClient(service, response.json<CreatedProvisioningToken>())
  }

  /** `path` is below /scim/v2, `headers` are added to. */
  async send(
    method: Method,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<LightMyRequestResponse> {
    return await this.#service.app.inject({
      method,
      url: `/scim/v2${path}`,
      headers: {
        authorization: `Bearer ${this.token.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    })
  }

  /** A user or group that must be made. */
  async create(path: '/Users' | '/Groups', body: object): Promise<ScimResource> {
    const response = await this.send('POST', path, body)
    if (response.statusCode !== 201) throw new Error(`not made: ${response.body}`)
    return response.json<ScimResource>()
  }

  async user(userName: string, more: object = {}): Promise<ScimResource> {
    return await this.create('/Users', { userName, displayName: userName, ...more })
  }

  async group(displayName: string, memberIds: readonly string[] = []): Promise<ScimResource> {
    const members = memberIds.map((value) => ({ value }))
    return await this.create('/Groups', { displayName, members })
  }

  async patch(path: string, ...operations: readonly unknown[]): Promise<LightMyRequestResponse> {
    return await this.send('PATCH', path, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: operations,
    })
  }

  async show(path: string): Promise<ScimResource> {
    return (await this.send('GET', path)).json<ScimResource>()
  }

  /** A list that must be answered. */
  async list(path: string, query: Readonly<Record<string, string>> = {}): Promise<ScimList> {
    const response = await this.send('GET', `${path}?${new URLSearchParams(query).toString()}`)
    if (response.statusCode !== 200) throw new Error(`no list: ${response.body}`)
    return response.json<ScimList>()
  }
}
