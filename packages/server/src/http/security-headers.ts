/**
 * Headers of every answer (OWASP ASVS 5.0, 3.4). An answer of the API is data, so its policy allows
 * nothing at all; the portal's pages replace the policy with their own.
 */

import type { Deps } from '../deps.ts'
import type { App } from './app-type.ts'

/** Two years: long enough for the browsers' preload lists. */
const HSTS = 'max-age=63072000; includeSubDomains'

const HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  // An answer may hold a recovery password. What may be kept says so itself.
  'cache-control': 'no-store',
} as const

export function registerSecurityHeaders(app: App, deps: Deps): void {
  const isHttps = deps.config.origin.startsWith('https:')
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ ...HEADERS, 'x-request-id': request.id })
    if (isHttps) reply.header('strict-transport-security', HSTS)
  })
}
