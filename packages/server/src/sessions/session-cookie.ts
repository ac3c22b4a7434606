/**
 * The cookies of this server. `__Host-` makes a browser take them only over TLS, for this host
 * alone (RFC 6265bis §4.1.3.2), so no neighbour can set one. Plain http has no such thing: there is
 * one exception, under a name that says so, for http://localhost; any other http origin has no
 * sessions.
 *
 * SameSite=Lax: a foreign page's form, frame, image or fetch comes without it; a link, which only
 * reads, comes with it.
 */

import type { CookieSerializeOptions } from '@fastify/cookie'
import type { Config } from '../config.ts'

export interface CookieRules {
  /** What every cookie's name begins with. */
  readonly name: (purpose?: string) => string
  readonly options: CookieSerializeOptions
}

/** Undefined: this origin can have no cookies that are worth anything. */
export function cookieRules(config: Pick<Config, 'origin'>): CookieRules | undefined {
  const { protocol, hostname } = new URL(config.origin)
  const isHttps = protocol === 'https:'
  if (!isHttps && !isThisMachine(hostname)) return undefined
  const base = isHttps ? '__Host-keydesk' : 'keydesk-insecure-localhost'
  return {
    name: (purpose) => (purpose === undefined ? base : `${base}-${purpose}`),
    options: { path: '/', httpOnly: true, secure: isHttps, sameSite: 'lax' },
  }
}

/** Browsers treat these as safe without TLS (W3C Secure Contexts §3.1). */
function isThisMachine(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}
