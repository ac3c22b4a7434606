/**
 * The API of one service, as whoever signed in. Every command that talks to a service does it
 * through here. A refused access token is renewed once. Failures are CommandErrors with the
 * service's own code.
 */
import { interruption } from '../interruption.ts'
import { accessToken, renewedToken, type AccessToken } from '../session/access-token.ts'
import { asJson, readAnswer, type Answer } from './read-answer.ts'
import { refusal, serviceFailure } from './service-error.ts'

/** Query parameters; undefined ones are left out. */
export type Query = Readonly<Record<string, string | undefined>>

export interface Body {
  readonly type: string
  readonly content: string | Uint8Array<ArrayBuffer>
}

/** What a list answers. */
interface Page<T> {
  readonly items: readonly T[]
  readonly nextAfter?: string
}

export class Service {
  #access: AccessToken

  private constructor(access: AccessToken) {
    this.#access = access
  }

  /** `options.server` is the value of --server. Throws CommandError NOT_SIGNED_IN and others. */
  static async open(options: { readonly server?: string }): Promise<Service> {
    return new Service(await accessToken(options.server))
  }

  /** With a token that is not kept. */
  static with(access: AccessToken): Service {
    return new Service(access)
  }

  /** Origin. */
  get server(): string {
    return this.#access.server
  }

  get access(): AccessToken {
    return this.#access
  }

  async get<T>(path: string, query: Query = {}): Promise<T> {
    return await this.#json<T>('GET', path, query)
  }

  async post<T>(path: string, body: object, query: Query = {}): Promise<T> {
    return await this.#json<T>('POST', path, query, json(body))
  }

  async patch<T>(path: string, body: object): Promise<T> {
    return await this.#json<T>('PATCH', path, {}, json(body))
  }

  async put<T>(path: string, body: object): Promise<T> {
    return await this.#json<T>('PUT', path, {}, json(body))
  }

  /** The answer may have no body. */
  async delete(path: string): Promise<void> {
    await this.#send('DELETE', path, {})
  }

  async deleteFor<T>(path: string): Promise<T> {
    return await this.#json<T>('DELETE', path, {})
  }

  async postText<T>(path: string, body: Body, query: Query): Promise<T> {
    return await this.#json<T>('POST', path, query, body)
  }

  /** As it comes, such as CSV. */
  async getText(path: string, query: Query = {}): Promise<string> {
    return (await this.#send('GET', path, query)).text
  }

  /** Every item of a list, page by page, at most `limit`. */
  async list<T>(path: string, query: Query = {}, limit = Number.POSITIVE_INFINITY): Promise<T[]> {
    const items: T[] = []
    let after: string | undefined
    do {
      const left = limit - items.length
      const page = await this.get<Page<T>>(path, {
        ...query,
        limit: String(Math.min(left, 200)),
        ...(after === undefined ? {} : { after }),
      })
      items.push(...page.items.slice(0, left))
      after = page.nextAfter
    } while (after !== undefined && items.length < limit)
    return items
  }

  async #json<T>(method: string, path: string, query: Query, body?: Body): Promise<T> {
    const answer = await this.#send(method, path, query, body)
    const value = asJson(answer)
    if (typeof value !== 'object' || value === null) {
      throw serviceFailure('SERVER_ANSWER', `${this.server} answered what no Keydesk service would`)
    }
    return value as T
  }

  async #send(method: string, path: string, query: Query, body?: Body): Promise<Answer> {
    let answer = await this.#try(method, path, query, body)
    if (answer.status === 401 && codeOf(answer) === 'UNAUTHENTICATED') {
      const renewed = await renewedToken(this.#access)
      if (renewed !== undefined) {
        this.#access = renewed
        answer = await this.#try(method, path, query, body)
      }
    }
    if (answer.status < 200 || answer.status > 299) throw refusal(answer.status, asJson(answer))
    return answer
  }

  async #try(method: string, path: string, query: Query, body?: Body): Promise<Answer> {
    const parameters = Object.entries(query).filter((entry) => entry[1] !== undefined)
    const text = new URLSearchParams(parameters as [string, string][]).toString()
    const url = `${this.server}${path}${text === '' ? '' : `?${text}`}`
    const headers = {
      accept: 'application/json, application/problem+json, text/csv',
      authorization: `Bearer ${this.#access.token}`,
      ...(body === undefined ? {} : { 'content-type': body.type }),
    }
    const init = { method, headers, ...(body === undefined ? {} : { body: body.content }) }
    return await readAnswer(url, init, interruption())
  }
}

function json(body: object): Body {
  return { type: 'application/json', content: JSON.stringify(body) }
}

function codeOf(answer: Answer): unknown {
  const body = asJson(answer)
  return typeof body === 'object' && body !== null && 'code' in body ? body.code : undefined
}
