/**
 * HTTP of the built-in issuer: its routes one by one, so that each is in the table of permissions,
 * answered by oidc-provider, which reads bodies itself.
 */

import { RotatedIssuerKey } from '@keydesk/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { principalOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { createRateLimit } from '../http/rate-limit.ts'
import { asIssuerRequest, belowIssuer } from './issuer-request.ts'
import type { Issuer } from './issuer.ts'
import { rotateByHand } from './rotate-by-hand.ts'

const GET_ROUTES = [
  '/oidc/.well-known/openid-configuration',
  '/oidc/.well-known/oauth-authorization-server',
  '/oidc/jwks',
  '/oidc/auth',
  '/oidc/auth/:uid',
  '/oidc/device',
  '/oidc/device/:uid',
  '/oidc/session/end',
  '/oidc/session/end/success',
] as const

/** With how often one address may send it. Somebody who guesses user codes gets nowhere at 30. */
const POST_ROUTES = [
  ['/oidc/token', { requests: 1200, seconds: 60 }],
  ['/oidc/token/revocation', { requests: 300, seconds: 60 }],
  ['/oidc/device/auth', { requests: 120, seconds: 60 }],
  ['/oidc/device', { requests: 30, seconds: 60 }],
  ['/oidc/session/end/confirm', { requests: 120, seconds: 60 }],
] as const

export function issuerRoutes(app: App, deps: Deps, issuer: Issuer): void {
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const raw = asIssuerRequest(deps.config, request)
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value)
    }
    reply.hijack()
    await issuer.handle(belowIssuer(raw), reply.raw)
  }
  app.post(
    '/api/v1/issuer-keys',
    { schema: { response: { 201: RotatedIssuerKey } } },
    async (request, reply) => {
      const by = { principal: principalOf(request), requestId: request.id }
      return await reply.code(201).send(await rotateByHand(deps, by))
    },
  )

  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    // Left unread: the library takes the form from the stream.
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    for (const url of GET_ROUTES) scope.get(url, answer)
    for (const [url, rate] of POST_ROUTES) {
      scope.post(url, { onRequest: createRateLimit(rate) }, answer)
    }
  })
}
