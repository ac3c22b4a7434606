/**
 * HTTP of the built-in issuer: its routes one by one, so that each is in the table of permissions,
 * answered by oidc-provider, which reads bodies itself.
 *
 * What a stranger makes the issuer remember by opening an address is bounded: how often, how long
 * the address is, and (`provider-configuration.ts`) for how long.
 */

import { LIMITS, RotatedIssuerKey } from '@keydesk/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { principalOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-type.ts'
import { createRateLimit } from '../http/rate-limit.ts'
import { asIssuerRequest, belowIssuer } from './issuer-request.ts'
import type { Issuer } from './issuer.ts'
import { rotateByHand } from './rotate-by-hand.ts'
import { sendProblemPage } from '../sign-in-pages/problem-page.ts'
import { requireOwnVisit } from './visit-cookie.ts'

const GET_ROUTES = [
  '/oidc/.well-known/openid-configuration',
  '/oidc/.well-known/oauth-authorization-server',
  '/oidc/jwks',
  '/oidc/session/end/success',
] as const

/** People's browsers open these; each leaves something in the database. */
const PAGE_ROUTES = ['/oidc/auth', '/oidc/device', '/oidc/session/end'] as const

/** Where a browser goes on after its visit to the sign-in pages. */
const RESUME_ROUTES = ['/oidc/auth/:uid', '/oidc/device/:uid'] as const

const POST_ROUTES = [
  '/oidc/token',
  '/oidc/token/revocation',
  '/oidc/device/auth',
  '/oidc/device',
  '/oidc/session/end/confirm',
] as const

export function issuerRoutes(app: App, deps: Deps, issuer: Issuer): void {
  const answer: Answer = async (request, reply) => {
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
    pageRoutes(scope, deps, answer)
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

function pageRoutes(app: App, deps: Deps, answer: Answer): void {
  void app.register(async (scope) => {
    scope.setErrorHandler((error, request, reply) => sendProblemPage(error, request, reply))
    const rate = createRateLimit({ requests: LIMITS.signInsPerMinuteMax, seconds: 60 })
    const onRequest = async (request: FastifyRequest): Promise<void> => {
      await rate(request)
      refuseLongAddress(request)
    }
    for (const url of PAGE_ROUTES) scope.get(url, { onRequest }, answer)
    for (const url of RESUME_ROUTES) {
      scope.get(url, { onRequest }, async (request, reply) => {
        requireOwnVisit(deps, request)
        await answer(request, reply)
      })
    }
  })
}

type Answer = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/** What is in the address is remembered with the visit. */
function refuseLongAddress({ url }: FastifyRequest): void {
  if (url.length <= LIMITS.issuerAddressLengthMax) return
  throw new AppError('INVALID_REQUEST', 'The address is too long.')
}
