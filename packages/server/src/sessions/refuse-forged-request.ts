/**
 * Cross-site request forgery: a browser sends its cookies whoever made it send the request, so a
 * request that counts by a cookie has to come from a page of this server. Bearer credentials need
 * none of this.
 *
 * What changes something needs both: the browser's own word for where it comes from (Origin, or
 * Fetch Metadata where the page's no-referrer policy makes Origin `null`), and a token that only a
 * page of this session can know.
 */

import type { FastifyRequest } from 'fastify'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { isCsrfToken } from './session-secret.ts'

const CSRF_HEADER = 'x-keydesk-csrf'
const CSRF_FIELD = 'csrf'
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS']

/** Throws AppError REQUEST_FORGED. */
export function refuseForgedRequest(
  deps: Pick<Deps, 'config' | 'keyring'>,
  request: FastifyRequest,
  sessionId: string,
): void {
  if (SAFE_METHODS.includes(request.method)) {
    refuseForeignRead(request)
    return
  }
  if (!comesFromHere(deps.config.origin, request)) {
    throw new AppError('REQUEST_FORGED', 'The request does not come from a page of this server.')
  }
  if (!isCsrfToken(deps.keyring, sessionId, givenToken(request))) {
    throw new AppError(
      'REQUEST_FORGED',
      `Send the csrf token of GET /api/v1/me as ${CSRF_HEADER}, or as the form field csrf.`,
    )
  }
}

/** Whether the browser says that a page of this origin sent the request. */
export function comesFromHere(origin: string, request: FastifyRequest): boolean {
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin') return false
  const from = request.headers.origin
  if (from === undefined || from === 'null') return site === 'same-origin'
  return from === origin
}

/** SameSite keeps such requests from having the cookie; a browser that does not is met here. */
function refuseForeignRead(request: FastifyRequest): void {
  const site = request.headers['sec-fetch-site']
  if (site === undefined || site === 'same-origin' || site === 'none') return
  if (request.headers['sec-fetch-mode'] === 'navigate') return
  throw new AppError('REQUEST_FORGED', 'The request comes from a page of another site.')
}

function givenToken(request: FastifyRequest): unknown {
  const header = request.headers[CSRF_HEADER]
  if (header !== undefined) return header
  const { body } = request
  const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')
  if (isForm !== true || typeof body !== 'object' || body === null) return undefined
  return CSRF_FIELD in body ? body[CSRF_FIELD] : undefined
}
