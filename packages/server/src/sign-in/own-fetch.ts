/**
 * `fetch` for addresses of this server itself, without the network: for the server's own talk with
 * the built-in issuer. So neither a TLS proxy nor a host name that does not resolve from inside is
 * in the way.
 */

import type { App } from '../http/app-type.ts'

/** Where such a request comes from, as `request.ip` shows it; no connection has such an address. */
export const OWN_ADDRESS = 'keydesk'

interface OwnFetchOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export function createOwnFetch(app: App, origin: string) {
  return async (address: string, options: OwnFetchOptions): Promise<Response> => {
    const url = new URL(address)
    if (url.origin !== origin) throw new TypeError('that is not an address of this server')
    const { body } = options
    const response = await app.inject({
      method: options.method === 'POST' ? 'POST' : 'GET',
      url: `${url.pathname}${url.search}`,
      headers: { ...options.headers, host: url.host },
      remoteAddress: OWN_ADDRESS,
      ...(body === undefined || body === null ? {} : { payload: bodyText(body) }),
    })
    const headers = new Headers()
    for (const [name, value] of Object.entries(response.headers)) {
      if (value !== undefined) headers.set(name, String(value))
    }
    const hasBody = response.statusCode !== 204 && response.statusCode !== 304
    return new Response(hasBody ? response.rawPayload : null, {
      status: response.statusCode,
      headers,
    })
  }
}

function bodyText(body: unknown): string {
  if (typeof body === 'string') return body
  if (body instanceof URLSearchParams) return body.toString()
  throw new TypeError('a body of this kind is not needed')
}
