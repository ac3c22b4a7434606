/**
 * The portal: its built files, and its one page for every address that a person opens in it.
 *
 * The policy allows scripts, styles and connections of this origin only, nothing inline, and no
 * framing (OWASP ASVS 5.0, 3.4.3). `/` is the page for everybody; a program that asks for another
 * address that does not exist gets a 404 and never the page.
 */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-type.ts'
import type { PortalFile, PortalFiles } from './load-portal-files.ts'

const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "font-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

const PERMISSIONS_POLICY = 'camera=(), geolocation=(), microphone=(), payment=(), usb=()'

/** Prefixes that belong to programs: an unknown address below them is a mistake, not a page. */
const PROGRAM_PATHS = /^\/(api|device|scim|v1\.0|beta)(\/|$)/

const NOT_BUILT = `<!doctype html>
<html lang="en">
<title>Keydesk</title>
<h1>Keydesk is running</h1>
<p>The portal was not built, so there is nothing to see here. On the server, run
<code>npm run build</code> and start it again. The API works without the portal.</p>
</html>
`

export function portalRoutes(app: App, files: PortalFiles): void {
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const path = pathOf(request)
    const asset = files.assets.get(path)
    if (asset !== undefined) return sendFile(request, reply, asset)
    if (PROGRAM_PATHS.test(path) || (path !== '/' && !isNavigation(request))) {
      throw new AppError('ROUTE_NOT_FOUND', 'There is no such address here.')
    }
    if (files.page !== undefined) return sendFile(request, reply, files.page)
    return withPageHeaders(reply).code(503).type('text/html; charset=utf-8').send(NOT_BUILT)
  }
  app.get('/', answer)
  app.get('/*', answer)
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '/'
}

/** A browser that opens an address asks for HTML; `fetch`, curl and scanners do not. */
function isNavigation(request: FastifyRequest): boolean {
  const mode = request.headers['sec-fetch-mode']
  if (mode !== undefined && mode !== 'navigate') return false
  return request.headers.accept?.includes('text/html') === true
}

function sendFile(request: FastifyRequest, reply: FastifyReply, file: PortalFile): FastifyReply {
  withPageHeaders(reply).headers({
    etag: file.etag,
    'cache-control': file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
  })
  if (request.headers['if-none-match'] === file.etag) return reply.code(304).send()
  return reply.type(file.contentType).send(file.body)
}

function withPageHeaders(reply: FastifyReply): FastifyReply {
  return reply.headers({
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'permissions-policy': PERMISSIONS_POLICY,
  })
}
