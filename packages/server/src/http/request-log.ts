/**
 * One log line and one measurement for each request: route pattern, method, status, time. Never the
 * raw URL, a header or a body: people paste recovery passwords into all of them.
 */

import type { Deps } from '../deps.ts'
import type { App } from './app-type.ts'

/** Paths that monitoring asks for every few seconds are logged at `debug`. */
const MONITORING = new Set(['/healthz', '/readyz', '/metrics'])

export function registerRequestLog(app: App, deps: Deps): void {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none'
    const method = KNOWN_METHODS.has(request.method) ? request.method : 'other'
    const milliseconds = Math.round(reply.elapsedTime * 10) / 10
    deps.metrics.httpRequestSeconds.observe(
      { method, route, status: String(reply.statusCode) },
      reply.elapsedTime / 1000,
    )
    const line = { method, route, status: reply.statusCode, milliseconds, client: request.ip }
    if (MONITORING.has(route)) request.log.debug(line, 'request completed')
    else request.log.info(line, 'request completed')
  })
}

const KNOWN_METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])
