/**
 * Every option of Fastify that decides what a request may be. All of them are written out, so that
 * a new version's default changes nothing here.
 */

import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { LIMITS } from '@keydesk/contract'
import { LogController, type FastifyServerOptions } from 'fastify'
import type { Deps } from '../deps.ts'
import { frameworkProblem } from './problem.ts'

/** A request has to arrive whole within this, or a slow sender could hold connections for ever. */
const REQUEST_TIMEOUT_MS = 60_000
/** Longer than the idle time of common proxies (60 s), or they would re-use a closed connection. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000
/** A GUID has 36 characters; a longer path segment is not one of ours. */
const PATH_SEGMENT_LENGTH_MAX = 128

export function serverOptions(deps: Deps): FastifyServerOptions {
  return {
    loggerInstance: deps.log,
    // Fastify would log the raw URL; `request-log.ts` logs the route pattern.
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    // Bodies are read before the sender is known. A route that needs more says so itself.
    bodyLimit: LIMITS.smallBodyBytesMax,
    trustProxy: deps.config.trustedProxies.length > 0 ? [...deps.config.trustedProxies] : false,
    genReqId: requestId,
    requestIdHeader: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    // `refuse-while-stopping.ts` answers instead.
    return503OnClosing: false,
    exposeHeadRoutes: false,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    routerOptions: {
      caseSensitive: true,
      ignoreTrailingSlash: false,
      ignoreDuplicateSlashes: false,
      maxParamLength: PATH_SEGMENT_LENGTH_MAX,
    },
    ajv: {
      customOptions: {
        // What was sent is what is judged: nothing is converted, removed or filled in.
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: false,
        // One error is enough for the answer; collecting all lets a hostile body cost more.
        allErrors: false,
        strict: true,
      },
    },
    frameworkErrors: frameworkProblem,
    clientErrorHandler: refuseConnection,
  }
}

const SANE_REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/

/**
 * The proxy's `x-request-id`, if it is a plain token that cannot be mistaken for a recovery
 * password or forge a log line; else a new one.
 */
function requestId(request: { headers: IncomingMessage['headers'] }): string {
  const given = request.headers['x-request-id']
  const isSane =
    typeof given === 'string' && SANE_REQUEST_ID.test(given) && !/\d{6}-?\d/.test(given)
  return isSane && !given.includes('keydesk_') ? given : randomUUID()
}

/** What was sent is not HTTP. The bytes are not logged: they can hold anything. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
