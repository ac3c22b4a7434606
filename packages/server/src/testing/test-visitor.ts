/**
 * A browser that goes to an issuer elsewhere and comes back: it keeps cookies and follows redirects
 * between this server (without the network) and the issuer (over it).
 */

import { CookieJar } from '../../../../test/support/cookie-jar.ts'
import type { TestService } from './test-service.ts'

export interface VisitorAnswer {
  readonly address: URL
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly location: string | undefined
}

const REDIRECTS_MAX = 12

export class TestVisitor {
  readonly jar = new CookieJar()
  readonly #service: TestService
  readonly #origin: string

  constructor(service: TestService) {
    this.#service = service
    this.#origin = service.deps.config.origin
  }

  get sessionCookie(): string | undefined {
    return this.jar.get(this.#origin, '__Host-keydesk')
  }

  /** One request, no redirect followed. */
  async get(address: string | URL): Promise<VisitorAnswer> {
    const url = new URL(address, this.#origin)
    return url.origin === this.#origin ? await this.#own(url) : await this.#foreign(url)
  }

  /** Follows redirects until there is none, or until `stopAt` is where the next one leads. */
  async visit(address: string | URL, stopAt: RegExp): Promise<VisitorAnswer> {
    let answer = await this.get(address)
    for (let count = 0; answer.location !== undefined; count += 1) {
      const next = new URL(answer.location, answer.address)
      if (stopAt.test(next.href)) return answer
      if (count === REDIRECTS_MAX) throw new Error(`too many redirects, the last to ${next.href}`)
      answer = await this.get(next)
    }
    return answer
  }

  /** Signs in; returns the last answer, whatever it is. */
  async signIn(query = ''): Promise<VisitorAnswer> {
    return await this.visit(`/sign-in${query}`, /keydesk\.example\/($|devices|account)/)
  }

  /** Up to the issuer's answer, which is not sent on: the address of the callback. */
  async untilCallback(query = ''): Promise<URL> {
    const answer = await this.visit(`/sign-in${query}`, /\/sign-in\/callback/)
    if (answer.location === undefined) throw new Error(`no callback: ${answer.body}`)
    return new URL(answer.location)
  }

  async post(path: string, fields: Readonly<Record<string, string>>): Promise<VisitorAnswer> {
    return await this.#own(new URL(path, this.#origin), new URLSearchParams(fields).toString())
  }

  async #own(url: URL, form?: string): Promise<VisitorAnswer> {
    const cookie = this.jar.header(url)
    const response = await this.#service.app.inject({
      method: form === undefined ? 'GET' : 'POST',
      url: `${url.pathname}${url.search}`,
      headers: {
        host: url.host,
        accept: 'text/html',
        ...(cookie === undefined ? {} : { cookie }),
        ...(form === undefined
          ? {}
          : { 'content-type': 'application/x-www-form-urlencoded', origin: this.#origin }),
      },
      ...(form === undefined ? {} : { payload: form }),
    })
    this.jar.take(this.#origin, [response.headers['set-cookie'] ?? []].flat())
    const headers = Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => [name, value?.toString()]),
    )
    const { location } = response.headers
    return { address: url, status: response.statusCode, body: response.body, headers, location }
  }

  async #foreign(url: URL): Promise<VisitorAnswer> {
    const cookie = this.jar.header(url)
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { accept: 'text/html', ...(cookie === undefined ? {} : { cookie }) },
    })
    this.jar.take(url.origin, response.headers.getSetCookie())
    return {
      address: url,
      status: response.status,
      body: await response.text(),
      headers: Object.fromEntries(response.headers),
      location: response.headers.get('location') ?? undefined,
    }
  }
}
