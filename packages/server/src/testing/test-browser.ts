/**
 * A browser as far as sign-in goes, over `inject`: keeps cookies by path, follows redirects, fills
 * in the forms that a page really has. No script runs in it.
 */

import type { LightMyRequestResponse } from 'fastify'
import type { TestService } from './test-service.ts'

interface Cookie {
  readonly value: string
  readonly path: string
}

export interface TestPage {
  readonly status: number
  /** Where it is after the redirects: path and query. */
  readonly url: string
  readonly body: string
  readonly headers: LightMyRequestResponse['headers']
}

export class TestBrowser {
  readonly #service: TestService
  readonly #address: string
  readonly cookies = new Map<string, Cookie>()

  constructor(service: TestService, address = '192.0.2.7') {
    this.#service = service
    this.#address = address
  }

  async open(url: string): Promise<TestPage> {
    return await this.#send('GET', url, undefined)
  }

  /**
   * Sends the first form of the page whose action ends so, with its hidden fields and these; with
   * `csrf` among them, that one instead of the page's.
   */
  async submit(
    page: TestPage,
    action: string | RegExp,
    fields: Readonly<Record<string, string>> = {},
  ): Promise<TestPage> {
    const form = formsOf(page.body).find((one) =>
      typeof action === 'string' ? one.action.endsWith(action) : action.test(one.action),
    )
    if (form === undefined) throw new Error(`no form ${action} on ${page.url}`)
    return await this.#send('POST', form.action, { ...form.hidden, ...fields })
  }

  /** A form that is on no page. */
  async post(url: string, fields: Readonly<Record<string, string>>): Promise<TestPage> {
    return await this.#send('POST', url, fields)
  }

  async #send(
    method: 'GET' | 'POST',
    url: string,
    fields: Readonly<Record<string, string>> | undefined,
  ): Promise<TestPage> {
    let next = { method, url, fields }
    for (let hops = 0; hops < 12; hops += 1) {
      const answer = await this.#request(next.method, next.url, next.fields)
      const { location } = answer.headers
      if (answer.statusCode < 300 || answer.statusCode > 399 || location === undefined) {
        const { statusCode, body, headers } = answer
        return { status: statusCode, url: next.url, body, headers }
      }
      const target = new URL(location, new URL(next.url, this.#service.deps.config.origin))
      if (target.origin !== this.#service.deps.config.origin) {
        return { status: 303, url: target.href, body: '', headers: answer.headers }
      }
      next = { method: 'GET', url: target.pathname + target.search, fields: undefined }
    }
    throw new Error('too many redirects')
  }

  async #request(
    method: 'GET' | 'POST',
    url: string,
    fields: Readonly<Record<string, string>> | undefined,
  ): Promise<LightMyRequestResponse> {
    const { origin } = this.#service.deps.config
    const path = new URL(url, origin).pathname
    const cookies = [...this.cookies]
      .filter(([, cookie]) => path === cookie.path || path.startsWith(folder(cookie.path)))
      .map(([name, { value }]) => `${name}=${value}`)
    const answer = await this.#service.app.inject({
      method,
      url,
      remoteAddress: this.#address,
      headers: {
        host: new URL(origin).host,
        accept: 'text/html',
        'sec-fetch-site': 'same-origin',
        'sec-fetch-mode': 'navigate',
        ...(cookies.length === 0 ? {} : { cookie: cookies.join('; ') }),
        ...(fields === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      ...(fields === undefined ? {} : { payload: new URLSearchParams(fields).toString() }),
    })
    for (const { name, value, path: at = '/', maxAge, expires } of answer.cookies) {
      const isGone =
        value === '' || maxAge === 0 || (expires !== undefined && expires.getTime() < 1)
      if (isGone) this.cookies.delete(name)
      else this.cookies.set(name, { value, path: at })
    }
    return answer
  }
}

function folder(path: string): string {
  return path.endsWith('/') ? path : `${path}/`
}

function formsOf(body: string): { action: string; hidden: Record<string, string> }[] {
  return [...body.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(
    ([, attributes = '', inner = '']) => {
      const hidden: Record<string, string> = {}
      for (const [input] of inner.matchAll(/<input\b[^>]*>/gs)) {
        const name = attribute(input, 'name')
        if (name !== undefined && /type="hidden"|\bhidden\b/.test(input)) {
          hidden[name] = attribute(input, 'value') ?? ''
        }
      }
      return { action: attribute(attributes, 'action') ?? '', hidden }
    },
  )
}

function attribute(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1]
  return value?.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
}
