/**
 * A browser without scripts, as far as signing in goes: keeps cookies, follows redirects, sends the
 * forms that a page has. For programs that have to go through the pages that people see.
 */

const REDIRECTS_MAX = 12

export interface Page {
  readonly status: number
  readonly url: URL
  readonly body: string
}

export class FormBrowser {
  readonly #origin: string
  readonly #address: string
  readonly #cookies = new Map<string, { readonly value: string; readonly path: string }>()

  /** `address`: where the service of this origin really listens, if that is elsewhere. */
  constructor(origin: string, address = origin) {
    this.#origin = origin
    this.#address = address
  }

  async open(path: string): Promise<Page> {
    return await this.#visit('GET', new URL(path, this.#origin))
  }

  /** Sends the first form of the page whose action ends so, with its hidden fields and these. */
  async submit(
    page: Page,
    action: string,
    fields: Readonly<Record<string, string>> = {},
  ): Promise<Page> {
    const form = formsOf(page.body).find((one) => one.action.endsWith(action))
    if (form === undefined) {
      throw new Error(`${page.url.pathname} (${page.status}) has no form for ${action}`)
    }
    return await this.#visit('POST', new URL(form.action, this.#origin), {
      ...form.hidden,
      ...fields,
    })
  }

  /** The Cookie header for a path. */
  cookieHeader(path: string): string {
    return [...this.#cookies]
      .filter(([, cookie]) => path === cookie.path || path.startsWith(folder(cookie.path)))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ')
  }

  async #visit(method: string, url: URL, fields?: Readonly<Record<string, string>>): Promise<Page> {
    let response = await this.#request(method, url, fields)
    let at = url
    for (let count = 0; count < REDIRECTS_MAX; count += 1) {
      const location = response.headers.get('location')
      if (location === null) {
        return { status: response.status, url: at, body: await response.text() }
      }
      await response.arrayBuffer()
      at = new URL(location, at)
      if (at.origin !== this.#origin) throw new Error(`the sign-in leads to ${at.origin}`)
      response = await this.#request('GET', at)
    }
    throw new Error(`too many redirects, the last to ${at.pathname}`)
  }

  async #request(
    method: string,
    url: URL,
    fields?: Readonly<Record<string, string>>,
  ): Promise<Response> {
    const response = await fetch(this.#address + url.pathname + url.search, {
      method,
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        cookie: this.cookieHeader(url.pathname),
        origin: this.#origin,
      },
      ...(fields === undefined ? {} : { body: new URLSearchParams({ ...fields }) }),
    })
    for (const header of response.headers.getSetCookie()) this.#take(header)
    return response
  }

  #take(header: string): void {
    const [pair = '', ...attributes] = header.split(/;\s*/)
    const [name = '', value = ''] = pair.split(/=(.*)/s)
    const path = attributes.find((one) => /^path=/i.test(one))?.slice('path='.length) ?? '/'
    const isGone =
      value === '' || attributes.some((one) => /^max-age=0$|^expires=thu, 01 jan 1970/i.test(one))
    if (isGone) this.#cookies.delete(name)
    else this.#cookies.set(name, { value, path })
  }
}

function folder(path: string): string {
  return path.endsWith('/') ? path : `${path}/`
}

function formsOf(body: string): { action: string; hidden: Record<string, string> }[] {
  return [...body.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(
    ([, attributes = '', inner = '']) => {
      const inputs = [...inner.matchAll(/<input\b[^>]*\bhidden\b[^>]*>/gs)].map(([tag]) => tag)
      const hidden = inputs.map((tag) => [attribute(tag, 'name'), attribute(tag, 'value')] as const)
      return { action: attribute(attributes, 'action'), hidden: Object.fromEntries(hidden) }
    },
  )
}

function attribute(tag: string, name: string): string {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? ''
  return value.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
}
