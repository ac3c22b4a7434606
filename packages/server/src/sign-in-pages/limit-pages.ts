/**
 * A rate for each address on the pages that strangers may open, and on the challenges of passkeys,
 * each of which is a row. Forms that try a password or a code are bounded by accounts/
 * throttle-guesses.ts.
 */

import type { App } from '../http/app-type.ts'
import type { RateLimit } from '../http/rate-limit.ts'

/** For the routes that are added to `scope`. */
export function limitPages(scope: App, limit: RateLimit): void {
  scope.addHook('onRequest', async (request) => {
    const isChallenge = request.routeOptions.url?.endsWith('/passkey/options') === true
    if (request.method === 'GET' || isChallenge) await limit(request)
  })
}
