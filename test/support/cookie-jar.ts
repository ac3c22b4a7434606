/** The cookies of one browser, for tests that follow redirects by hand. Path and age count. */

interface Cookie {
  readonly value: string
  readonly path: string
}

export class CookieJar {
  readonly #cookies = new Map<string, Map<string, Cookie>>()

  /** Takes in the Set-Cookie headers of an answer. */
  take(origin: string, headers: readonly string[]): void {
    const host = this.#hostOf(origin)
    for (const header of headers) {
      const [pair = '', ...attributes] = header.split('; ')
      const separator = pair.indexOf('=')
      const [name, value] = [pair.slice(0, separator), pair.slice(separator + 1)]
      const path = attributes.find((one) => /^path=/i.test(one))?.slice(5) ?? '/'
      const isGone = value === '' || attributes.some((one) => /^max-age=0$/i.test(one))
      if (isGone) host.delete(name)
      else host.set(name, { value: decodeURIComponent(value), path })
    }
  }

  /** The Cookie header of a request; undefined without any. */
  header(address: URL): string | undefined {
    const cookies = [...this.#hostOf(address.origin)]
      .filter(([, { path }]) => address.pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
    return cookies.length === 0 ? undefined : cookies.join('; ')
  }

  names(origin: string): string[] {
    return [...this.#hostOf(origin).keys()]
  }

  get(origin: string, name: string): string | undefined {
    return this.#hostOf(origin).get(name)?.value
  }

  set(origin: string, name: string, value: string): void {
    this.#hostOf(origin).set(name, { value, path: '/' })
  }

  /** As if the person had signed out there. */
  forget(origin: string): void {
    this.#cookies.delete(origin)
  }

  #hostOf(origin: string): Map<string, Cookie> {
    const host = this.#cookies.get(origin) ?? new Map<string, Cookie>()
    this.#cookies.set(origin, host)
    return host
  }
}
