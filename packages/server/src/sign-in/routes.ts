/**
 * HTTP of signing in and out in a browser: to the issuer and back, and the end of both sessions.
 * What goes wrong is a page.
 */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { selectUser } from '../access/principal-queries.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-type.ts'
import type { RateLimit } from '../http/rate-limit.ts'
import type { Issuer } from '../issuer/issuer.ts'
import { findSession, sessionCookie } from '../sessions/authenticate-session.ts'
import { comesFromHere, refuseForgedRequest } from '../sessions/refuse-forged-request.ts'
import { cookieRules, type CookieRules } from '../sessions/session-cookie.ts'
import type { SessionRow } from '../sessions/session-queries.ts'
import { html } from '../sign-in-pages/html.ts'
import { sendPage } from '../sign-in-pages/page.ts'
import { sendProblemPage } from '../sign-in-pages/problem-page.ts'
import { beginSignIn, callbackAddress } from './begin-sign-in.ts'
import { finishSignIn } from './finish-sign-in.ts'
import { createIssuerClient, type IssuerClient } from './issuer-client.ts'
import { createOwnFetch } from './own-fetch.ts'
import { forgetAttempt, recallAttempt, rememberAttempt } from './sign-in-attempt.ts'
import { SIGNED_OUT_PATH, signOut } from './sign-out.ts'

/** What an issuer may send: codes and states of any kind, and parameters that mean nothing here. */
const PARAMETER_LENGTH_MAX = 8192
const Parameter = Type.Optional(Type.String({ maxLength: PARAMETER_LENGTH_MAX }))

const SignInQuery = Type.Object({
  returnTo: Type.Optional(Type.String({ maxLength: 2048 })),
  stepUp: Type.Optional(Type.String({ maxLength: 8 })),
  /** The one-time link of a new deployment with an external issuer. */
  setup: Type.Optional(Type.String({ maxLength: 128 })),
})
const CallbackQuery = Type.Object({ state: Parameter })
const SignOutForm = Type.Optional(
  Type.Union([Type.Object({ csrf: Type.Optional(Type.String({ maxLength: 64 })) }), Type.Null()]),
)

export function signInRoutes(
  app: App,
  deps: Deps,
  { issuer, limitSignIns: onRequest }: { issuer: Issuer; limitSignIns: RateLimit },
): void {
  const client = createIssuerClient(deps, createOwnFetch(app, deps.config.origin))
  void app.register(async (pages) => {
    const scope = pages as unknown as App
    scope.setErrorHandler((error, request, reply) => sendProblemPage(error, request, reply))
    signInRoute(scope, deps, client, onRequest)
    callbackRoute(scope, deps, client, onRequest)
    signOutRoutes(scope, deps, client, issuer)
  })
}

function signInRoute(app: App, deps: Deps, client: IssuerClient, onRequest: RateLimit): void {
  app.get(
    '/sign-in',
    { onRequest, schema: { querystring: SignInQuery } },
    async (request, reply) => {
      const rules = requireCookies(deps)
      // Somebody opened 127.0.0.1 and comes back to localhost: cookies would stay behind. A proxy
      // may say another host than the browser's, so with https its word does not count.
      const { protocol, host } = new URL(deps.config.origin)
      if (protocol === 'http:' && request.host !== host) {
        return await reply.redirect(`${deps.config.origin}${request.url}`, 303)
      }
      const { returnTo, stepUp, setup } = request.query
      const isStepUp = stepUp === '1'
      const current = isStepUp ? await currentSession(deps, request) : undefined
      const { attempt, location } = await beginSignIn(deps, client, {
        returnTo,
        isStepUp,
        userId: current?.user_id,
        setupLink: setup,
      })
      rememberAttempt({ keyring: deps.keyring, rules }, request, reply, attempt)
      return await reply.redirect(location.href, 303)
    },
  )
}

function callbackRoute(app: App, deps: Deps, client: IssuerClient, onRequest: RateLimit): void {
  app.get(
    '/sign-in/callback',
    { onRequest, schema: { querystring: CallbackQuery } },
    async (request, reply) => {
      const rules = requireCookies(deps)
      const { state = '' } = request.query
      const now = deps.clock.now()
      const attempt = recallAttempt({ keyring: deps.keyring, rules }, request, state, now)
      if (attempt === undefined) {
        throw new AppError(
          'SIGN_IN_FAILED',
          'This sign-in was not begun in this browser, or too long ago. Sign in again.',
        )
      }
      forgetAttempt(rules, reply, state)
      const current = await currentSession(deps, request)
      const session = await finishSignIn(deps, client, {
        address: answerAddress(deps, request),
        attempt,
        ipAddress: request.ip,
        userAgent: request.headers['user-agent'],
        requestId: request.id,
        replaces: current && { id: current.id, userId: current.user_id },
      })
      reply.setCookie(rules.name(), session.cookie.reveal(), rules.options)
      return await reply.redirect(attempt.returnTo, 303)
    },
  )
}

function signOutRoutes(app: App, deps: Deps, client: IssuerClient, issuer: Issuer): void {
  app.post('/sign-out', { schema: { body: SignOutForm } }, async (request, reply) => {
    // Before anything else: a foreign page's form comes without the cookie, and the answer to it
    // must not take the cookie away.
    if (!comesFromHere(deps.config.origin, request)) {
      throw new AppError('REQUEST_FORGED', 'This does not come from a page of this server.')
    }
    const session = await currentSession(deps, request)
    if (session !== undefined) refuseForgedRequest(deps, request, session.id)
    const rules = cookieRules(deps.config)
    if (rules !== undefined) reply.clearCookie(rules.name(), rules.options)
    reply.header('clear-site-data', '"cache", "storage"')
    if (session === undefined) {
      // It has ended, or gone idle. The issuer's own may still be there.
      if (deps.config.oidcIssuer === undefined) await issuer.endBrowserSession(request, reply)
      return continueTo(request, reply, SIGNED_OUT_PATH)
    }
    const at = { now: deps.clock.now(), deviceId: undefined }
    const user = await selectUser(deps.db, session.user_id, at)
    const userName = user?.user_principal_name ?? ''
    const next = await signOut(deps, client, { session, userName, requestId: request.id })
    if (deps.config.oidcIssuer !== undefined) return continueTo(request, reply, next)
    await issuer.endBrowserSession(request, reply)
    return continueTo(request, reply, SIGNED_OUT_PATH)
  })

  app.get(SIGNED_OUT_PATH, async (_request, reply) =>
    sendPage(reply, {
      title: 'You are signed out',
      lead: 'Close the window if others use this device too.',
      body: html`<p class="actions"><a class="button" href="/sign-in">Sign in again</a></p>`,
    }),
  )
}

/** A program gets an address; a form a page that goes on: a form may not lead to another origin. */
function continueTo(request: FastifyRequest, reply: FastifyReply, next: string): FastifyReply {
  if (request.headers.accept?.includes('application/json') === true) {
    return reply.type('application/json').send(JSON.stringify({ continueTo: next }))
  }
  return sendPage(reply, {
    title: 'Signing out',
    body: html`<p><a href="${next}">Continue</a></p>`,
    continueTo: next,
  })
}

/** Of the configured address: what the client claims as host does not matter. */
function answerAddress(deps: Deps, request: FastifyRequest): URL {
  const address = new URL(callbackAddress(deps.config.origin))
  address.search = new URL(request.url, deps.config.origin).search
  return address
}

/** Undefined: there is none that counts, whatever cookie there is. */
async function currentSession(
  deps: Deps,
  request: FastifyRequest,
): Promise<SessionRow | undefined> {
  const cookie = sessionCookie(deps.config, request)
  return cookie === undefined ? undefined : await findSession(deps, cookie)
}

/** Throws AppError SIGN_IN_FAILED. */
function requireCookies(deps: Deps): CookieRules {
  const rules = cookieRules(deps.config)
  if (rules !== undefined) return rules
  throw new AppError(
    'SIGN_IN_FAILED',
    'Nobody can sign in over http, except on this machine itself: anybody on the way could take the session. Put a TLS proxy before Keydesk and set KEYDESK_ORIGIN to its https:// address.',
  )
}
