/**
 * HTTP of the pages on which people prove to the built-in issuer who they are: password, then the
 * second factor where there is one or has to be one. What is right or wrong is decided in
 * `accounts/`.
 */

import { LIMITS } from '@keydesk/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { selectAccount, type AccountRow } from '../accounts/account-queries.ts'
import { checkCode } from '../accounts/check-code.ts'
import { checkPassword } from '../accounts/check-password.ts'
import { hasAny, needsSecondFactor, secondFactorsOf } from '../accounts/second-factors.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-type.ts'
import type { RateLimit } from '../http/rate-limit.ts'
import { PORTAL_CLIENT_ID } from '../issuer/clients.ts'
import { limitPages } from './limit-pages.ts'
import { sendPage, type PageOptions } from './page.ts'
import { sendProblemPage } from './problem-page.ts'
import { passkeySignInRoutes } from './passkey-sign-in-routes.ts'
import { setUpRoutes } from './set-up-routes.ts'
import { codeView, passwordAgainView, passwordView } from './sign-in-views.ts'
import {
  finishVisit,
  visitByForm,
  visitOf,
  wantsSecondFactor,
  type PageServices,
  type Visit,
} from './sign-in-visit.ts'
import { clearStep, readBrowserCookie, writeStep } from './step-cookie.ts'

const Csrf = Type.String({ maxLength: 64 })
const Uid = Type.Object({ uid: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }) })
const CsrfForm = Type.Object({ csrf: Csrf })
const PasswordForm = Type.Object({
  csrf: Csrf,
  userName: Type.String({ maxLength: 1024 }),
  password: Type.String({ maxLength: 4096 }),
})
const CodeForm = Type.Object({ csrf: Csrf, code: Type.String({ maxLength: 64 }) })
const As = Type.Object({ as: Type.Optional(Type.Literal('other')) })

export function signInRoutes(
  app: App,
  deps: Deps,
  services: PageServices,
  limitSignIns: RateLimit,
): void {
  void app.register(async (scope) => {
    scope.setErrorHandler(sendProblemPage)
    limitPages(scope, limitSignIns)
    passwordRoutes(scope, deps, services)
    codeRoutes(scope, deps, services)
    passkeySignInRoutes(scope, deps, services)
    setUpRoutes(scope, deps, services)
    scope.post(
      '/sign-in/with/:uid/abort',
      { schema: { params: Uid, body: CsrfForm } },
      async (request, reply) => {
        await visitByForm(deps, services, request, reply)
        clearStep(deps, reply)
        return reply.redirect(await services.issuer.abortInteraction(request, reply), 303)
      },
    )
  })
}

function passwordRoutes(app: App, deps: Deps, services: PageServices): void {
  app.get(
    '/sign-in/with/:uid',
    { schema: { params: Uid, querystring: As } },
    async (request, reply) => {
      const visit = await visitOf(deps, services, request, reply)
      const account = request.query.as === 'other' ? undefined : await signedIn(deps, visit)
      const view =
        account === undefined
          ? passwordPage(visit, visit.interaction.loginHint ?? '', undefined)
          : await againPage(deps, visit, account, undefined)
      return sendPage(reply, view)
    },
  )

  app.post(
    '/sign-in/with/:uid',
    { schema: { params: Uid, body: PasswordForm } },
    async (request, reply) => {
      const visit = await visitByForm(deps, services, request, reply)
      const { userName, password } = request.body
      let account: AccountRow
      try {
        account = await checkPassword(deps, services.hasher, {
          userName,
          password,
          address: request.ip,
          browserCookie: readBrowserCookie(deps, request),
        })
      } catch (error) {
        const problem = await refusal(services, request, reply, error)
        const again = await signedIn(deps, visit)
        const view =
          again?.user_principal_name === userName
            ? await againPage(deps, visit, again, problem.detail)
            : passwordPage(visit, userName, problem.detail)
        return sendPage(reply, view, problem.status)
      }
      return await afterPassword(deps, services, { request, reply }, visit, account)
    },
  )
}

async function afterPassword(
  deps: Deps,
  services: PageServices,
  http: { request: FastifyRequest; reply: FastifyReply },
  visit: Visit,
  account: AccountRow,
): Promise<FastifyReply> {
  const { reply } = http
  const step = {
    userId: account.id,
    provedAt: deps.clock.now().toISOString(),
    amr: ['pwd'],
  }
  const hasSecond = hasAny(await secondFactorsOf(deps.db, deps, account.id))
  const needsSecond =
    wantsSecondFactor(visit.interaction) || (await needsSecondFactor(deps, account.id))
  if (!hasSecond && !needsSecond) return await finishVisit(deps, services, http, visit, step)
  writeStep(deps, reply, visit.interaction.uid, step)
  return reply.redirect(`${visit.target.path}/${hasSecond ? 'code' : 'set-up'}`, 303)
}

function codeRoutes(app: App, deps: Deps, services: PageServices): void {
  app.get('/sign-in/with/:uid/code', { schema: { params: Uid } }, async (request, reply) => {
    const visit = await visitOf(deps, services, request, reply)
    const account = await provingAccount(deps, visit)
    if (account === undefined) return reply.redirect(visit.target.path, 303)
    return sendPage(reply, await codePage(deps, visit, account, undefined))
  })

  app.post(
    '/sign-in/with/:uid/code',
    { schema: { params: Uid, body: CodeForm } },
    async (request, reply) => {
      const visit = await visitByForm(deps, services, request, reply)
      const account = await provingAccount(deps, visit)
      if (account === undefined) return reply.redirect(visit.target.path, 303)
      try {
        const { code } = request.body
        const guess = { code, browserCookie: readBrowserCookie(deps, request) }
        await checkCode(deps, account, guess, request.id)
      } catch (error) {
        const problem = await refusal(services, request, reply, error)
        const view = await codePage(deps, visit, account, problem.detail)
        return sendPage(reply, view, problem.status)
      }
      return await finishVisit(deps, services, { request, reply }, visit, {
        userId: account.id,
        provedAt: visit.step?.provedAt ?? deps.clock.now().toISOString(),
        amr: [...(visit.step?.amr ?? []), 'otp', 'mfa'],
      })
    },
  )
}

/** Who is signed in at the issuer and has to prove himself again. */
async function signedIn(deps: Deps, { interaction }: Visit): Promise<AccountRow | undefined> {
  const { accountId } = interaction
  return accountId === undefined ? undefined : await selectAccount(deps.db, accountId)
}

/** Who has given the first proof: in this visit, or by being signed in. */
async function provingAccount(deps: Deps, visit: Visit): Promise<AccountRow | undefined> {
  if (visit.step === undefined) return await signedIn(deps, visit)
  return await selectAccount(deps.db, visit.step.userId)
}

function passwordPage(visit: Visit, userName: string, problem: string | undefined): PageOptions {
  const { clientId, clientName } = visit.interaction
  return passwordView({
    target: visit.target,
    program: clientId === PORTAL_CLIENT_ID ? undefined : clientName,
    userName: userName.slice(0, LIMITS.userPrincipalNameLengthMax),
    problem,
  })
}

/** The strongest proof that the person can give; the password where he has nothing else. */
async function againPage(
  deps: Deps,
  visit: Visit,
  account: AccountRow,
  problem: string | undefined,
): Promise<PageOptions> {
  if (hasAny(await secondFactorsOf(deps.db, deps, account.id))) {
    return await codePage(deps, visit, account, problem)
  }
  const { target } = visit
  return passwordAgainView({ target, userName: account.user_principal_name, problem })
}

async function codePage(
  deps: Deps,
  visit: Visit,
  account: AccountRow,
  problem: string | undefined,
): Promise<PageOptions> {
  const { hasTotp, passkeys } = await secondFactorsOf(deps.db, deps, account.id)
  return codeView({
    target: visit.target,
    userName: account.user_principal_name,
    problem,
    hasTotp,
    hasPasskey: passkeys > 0,
    isAgain: visit.step === undefined,
  })
}

/** A wrong guess is the same page again, and on record; anything else is thrown on. */
async function refusal(
  { recordDenial }: PageServices,
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
): Promise<{ detail: string; status: number }> {
  const isGuess =
    error instanceof AppError &&
    (error.code === 'UNAUTHENTICATED' || error.code === 'TOO_MANY_REQUESTS')
  if (!isGuess) throw error
  const route = `${request.method} ${request.routeOptions.url}`
  await recordDenial({
    actor: { type: 'anonymous' },
    requestId: request.id,
    address: request.ip,
    ...(error.code === 'UNAUTHENTICATED' ? { isWrongGuess: true } : {}),
    detail: { code: error.code, route, address: request.ip },
  })
  if (error.retryAfterSeconds !== undefined) {
    reply.header('retry-after', String(error.retryAfterSeconds))
  }
  // 401 would need a WWW-Authenticate, and browsers have none for forms.
  return { detail: error.message, status: error.code === 'UNAUTHENTICATED' ? 422 : error.status }
}
