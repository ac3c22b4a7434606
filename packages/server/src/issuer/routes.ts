/**
 * HTTP of the built-in issuer: its routes one by one, so that each is in the table of permissions,
 * answered by oidc-provider, which reads bodies itself.
 */

import { LIMITS, RotatedIssuerKey } from '@keydesk/contract'
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

const POST_ROUTES = [
  '/oidc/token',
  '/oidc/token/revocation',
  '/oidc/device/auth',
  '/oidc/device',
  '/oidc/session/end/confirm',
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
    const rates = {
      tokens: createRateLimit({ requests: LIMITS.tokenRequestsPerMinuteMax, seconds: 60 }),
      userCodes: createRateLimit({ requests: LIMITS.userCodesPerMinuteMax, seconds: 60 }),
    }
    for (const url of POST_ROUTES) {
      const onRequest = url === '/oidc/device' ? rates.userCodes : rates.tokens
      scope.post(url, { onRequest }, answer)
    }
  })
}
