/**
 * HTTP of the links that work once. To open one changes nothing, so a mail scanner that follows it
 * uses nothing up; only the form does.
 */

import { CreateFirstAdministrator, LIMITS, matches } from '@keydesk/contract'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { acceptLink, ownerOfLink } from '../accounts/accept-link.ts'
import { findOneTimeLink, type OneTimeLink } from '../accounts/one-time-link.ts'
import type { PasswordHasher } from '../accounts/password-hash.ts'
import { createFirstAdministrator } from '../accounts/redeem-setup-link.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-type.ts'
import type { RateLimit } from '../http/rate-limit.ts'
import { html } from './html.ts'
import { limitPages } from './limit-pages.ts'
import { sendPage, type PageOptions } from './page.ts'
import { sendProblemPage } from './problem-page.ts'
import { csrfOf, requireForm } from './sign-in-visit.ts'
import {
  firstAdministratorView,
  messageView,
  newPasswordView,
  signInToSetUpView,
} from './welcome-views.ts'

const Params = Type.Object({ token: Type.String({ pattern: '^[A-Za-z0-9_-]{1,128}$' }) })
const Form = Type.Object({
  csrf: Type.String({ maxLength: 64 }),
  userPrincipalName: Type.Optional(Type.String({ maxLength: 1024 })),
  displayName: Type.Optional(Type.String({ maxLength: 1024 })),
  newPassword: Type.Optional(Type.String({ maxLength: 4096 })),
})

interface Sent {
  readonly userPrincipalName: string
  readonly displayName: string
  readonly nameProblem?: string
  readonly passwordProblem?: string
  readonly problem?: string
}

const NOTHING: Sent = { userPrincipalName: '', displayName: '' }

interface WelcomeServices {
  readonly hasher: PasswordHasher
  readonly limitSignIns: RateLimit
}

export function welcomeRoutes(app: App, deps: Deps, services: WelcomeServices): void {
  void app.register(async (scope) => {
    scope.setErrorHandler(sendProblemPage)
    limitPages(scope, services.limitSignIns)
    linkRoutes(scope, deps, services)
  })
}

function linkRoutes(app: App, deps: Deps, { hasher }: WelcomeServices): void {
  app.get('/welcome/:token', { schema: { params: Params } }, async (request, reply) => {
    const { token } = request.params
    const link = await findOneTimeLink(deps.db, deps, token)
    return sendPage(reply, await welcomePage(deps, token, link, NOTHING))
  })

  app.post(
    '/welcome/:token',
    { schema: { params: Params, body: Form } },
    async (request, reply) => {
      const { token } = request.params
      const { csrf, newPassword = '', userPrincipalName = '', displayName = '' } = request.body
      requireForm(deps, request, token, csrf)
      const link = await findOneTimeLink(deps.db, deps, token)
      const isSetup = link.purpose === 'setup'
      if (isSetup && deps.config.oidcIssuer !== undefined) {
        return sendPage(reply, goOn(`/sign-in?setup=${token}&returnTo=/`))
      }
      const sent = { userPrincipalName: userPrincipalName.trim(), displayName: displayName.trim() }
      try {
        if (isSetup) {
          requireNames(sent)
          const wanted = { ...sent, password: newPassword }
          await createFirstAdministrator(deps, hasher, token, wanted, request.id)
        } else {
          await acceptLink(deps, hasher, token, newPassword, request.id)
        }
      } catch (error) {
        return await again(deps, reply, { token, link }, sent, error)
      }
      return sendPage(reply, DONE)
    },
  )
}

const DONE: PageOptions = messageView({
  title: 'Your password is set',
  text: 'Sign in with it now. The link that brought you here does not work any more.',
  link: { href: '/sign-in?returnTo=/', text: 'Sign in' },
})

function requireNames(wanted: Sent): void {
  const { userPrincipalName, displayName } = CreateFirstAdministrator.properties
  if (!matches(userPrincipalName, wanted.userPrincipalName)) {
    throw new AppError('NAME_TAKEN', 'Use the form of a mail address: name@domain.')
  }
  if (!matches(displayName, wanted.displayName)) {
    const most = LIMITS.displayNameLengthMax
    throw new AppError('NAME_TAKEN', `The name is a line of at most ${most} characters.`)
  }
}

/** The form again, with what is wrong beside its field. */
async function again(
  deps: Deps,
  reply: FastifyReply,
  { token, link }: { token: string; link: OneTimeLink },
  sent: Sent,
  error: unknown,
): Promise<FastifyReply> {
  if (!(error instanceof AppError)) throw error
  const problem = {
    NAME_TAKEN: { nameProblem: error.message },
    INVALID_REQUEST: { passwordProblem: error.message },
    TOO_MANY_REQUESTS: { problem: error.message },
  }[error.code as string]
  if (problem === undefined) throw error
  const page = await welcomePage(deps, token, link, { ...sent, ...problem })
  return sendPage(reply, page, 422)
}

/** A redirect would end here: the issuer is of another origin, where no form may lead. */
function goOn(continueTo: string): PageOptions {
  const body = html`<p class="actions"><a class="button" href="${continueTo}">Go on</a></p>`
  return { title: 'Signing in', body, continueTo }
}

async function welcomePage(
  deps: Deps,
  token: string,
  link: OneTimeLink,
  sent: Sent,
): Promise<PageOptions> {
  const form = { action: `/welcome/${token}`, csrf: csrfOf(deps, token), ...sent }
  if (link.purpose === 'setup') {
    const isExternal = deps.config.oidcIssuer !== undefined
    return isExternal ? signInToSetUpView(form) : firstAdministratorView(form)
  }
  const account = await ownerOfLink(deps.db, deps, link)
  return newPasswordView({
    ...form,
    userPrincipalName: account.user_principal_name,
    isInvitation: link.purpose === 'invitation',
  })
}
