/** A program for tests: an app that an administrator registered over the API, with a secret. */

import type { App, CreatedAppSecret } from '@keydesk/contract'
import type { LightMyRequestResponse } from 'fastify'
import type { TestService } from './test-service.ts'

const DAY = 86_400

export class TestProgram {
  readonly #service: TestService
  readonly id: string
  readonly secret: CreatedAppSecret

  private constructor(service: TestService, id: string, secret: CreatedAppSecret) {
    this.#service = service
    this.id = id
    this.secret = secret
  }

  static async create(service: TestService, appRoles: readonly string[] = []) {
    const displayName = `program ${Math.random().toString(36).slice(2)}`
    const app = await service.admin('POST', '/api/v1/apps', { displayName, appRoles })
    const { id } = app.json<App>()
    const wanted = { name: 'test', expiresInSeconds: DAY }
    const secret = await service.admin('POST', `/api/v1/apps/${id}/secrets`, wanted)
    return new TestProgram(service, id, secret.json<CreatedAppSecret>())
  }

  /** Asks for a token with its secret. */
  async ask(
    form: Readonly<Record<string, string>> = {},
    secret = this.secret.secret,
  ): Promise<LightMyRequestResponse> {
    const basic = Buffer.from(`${this.id}:${secret}`).toString('base64')
    const fields = { grant_type: 'client_credentials', ...form }
    return await requestToken(this.#service, fields, { authorization: `Basic ${basic}` })
  }

  async token(form: Readonly<Record<string, string>> = {}): Promise<string> {
    const answer = await this.ask(form)
    if (answer.statusCode !== 200) throw new Error(`no token: ${answer.body}`)
    return answer.json<{ access_token: string }>().access_token
  }
}

/** The token endpoint. */
export async function requestToken(
  service: TestService,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<LightMyRequestResponse> {
  return await service.app.inject({
    method: 'POST',
    url: '/oidc/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: new URLSearchParams(form).toString(),
  })
}

/** The API with a bearer token. */
export async function callWith(
  service: TestService,
  token: string,
  url = '/api/v1/devices',
): Promise<LightMyRequestResponse> {
  return await service.app.inject({ url, headers: { authorization: `Bearer ${token}` } })
}

export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    unknown
  >
}
