/**
 * HTTP of one's own account, in a browser session: password, second factors, sessions. What adds or
 * removes a way in needs a sign-in of the last minutes; the password needs the current one.
 */

import { Guid, LIMITS } from '@keydesk/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { userOf } from '../access/actor.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
import { selectAccount } from '../accounts/account-queries.ts'
import { addPasskey } from '../accounts/add-passkey.ts'
import { addTotp, renewBackupCodes } from '../accounts/add-totp.ts'
import * as manage from '../accounts/manage-account.ts'
import { selectPasskeys } from '../accounts/passkey-queries.ts'
import { newPasskeyOptions } from '../accounts/passkeys.ts'
import type { PasswordHasher } from '../accounts/password-hash.ts'
import { countUnusedBackupCodes, selectTotp } from '../accounts/totp-queries.ts'
import { createTotpSecret, spelledSecret, totpQrCode } from '../accounts/totp.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-type.ts'
import { endOwnSession } from '../sessions/end-sessions.ts'
import { cookieRules } from '../sessions/session-cookie.ts'
import { csrfToken } from '../sessions/session-secret.ts'
import { showSessions } from '../sessions/show-sessions.ts'
import type { StartedSession } from '../sessions/start-session.ts'
import { accountView, type AccountView } from './account-view.ts'
import { sendPage } from './page.ts'
import { sendProblemPage } from './problem-page.ts'
import { backupCodesView } from './sign-in-views.ts'
import { readBrowserCookie, readStep, writeStep } from './step-cookie.ts'

const Csrf = Type.String({ maxLength: 64 })
const CsrfForm = Type.Object({ csrf: Csrf })
const Params = Type.Object({ id: Guid('Of the session, passkey or code') })
const PasswordForm = Type.Object({
  csrf: Csrf,
  password: Type.String({ maxLength: 4096 }),
  newPassword: Type.String({ maxLength: 4096 }),
})
const CodeForm = Type.Object({ csrf: Csrf, code: Type.String({ maxLength: 64 }) })
const NameForm = Type.Object({
  csrf: Csrf,
  name: Type.String({ minLength: 1, maxLength: LIMITS.labelLengthMax, pattern: '^\\P{C}+$' }),
})
const CredentialForm = Type.Object({
  csrf: Csrf,
  credential: Type.String({ maxLength: LIMITS.passkeyAnswerLengthMax }),
})

type Visitor = manage.OwnerAtBrowser

type Http = { readonly request: FastifyRequest; readonly reply: FastifyReply }

export function accountPageRoutes(app: App, deps: Deps, hasher: PasswordHasher): void {
  void app.register(async (pages) => {
    pages.setErrorHandler((error, request, reply) => {
      const code = error instanceof AppError ? error.code : undefined
      const isBrowser = request.headers.accept?.includes('text/html') === true
      // A program gets the API's answer.
      if (!isBrowser) throw error
      if (code === 'UNAUTHENTICATED') return reply.redirect('/sign-in?returnTo=/account', 303)
      if (code === 'STEP_UP_REQUIRED') {
        return reply.redirect('/sign-in?returnTo=/account&stepUp=1', 303)
      }
      return sendProblemPage(error, request, reply)
    })
    overviewRoutes(pages, deps, hasher)
    totpRoutes(pages, deps)
    passkeyRoutes(pages, deps)
  })
}

function overviewRoutes(app: App, deps: Deps, hasher: PasswordHasher): void {
  app.get('/account', async (request, reply) => await show(deps, { request, reply }))

  app.post('/account/password', { schema: { body: PasswordForm } }, async (request, reply) => {
    const visitor = await visitorOf(deps, request)
    const { password, newPassword } = request.body
    const browserCookie = readBrowserCookie(deps, request)
    const guess = { password, address: request.ip, browserCookie }
    let session: StartedSession
    try {
      session = await manage.changePassword(deps, hasher, visitor, guess, newPassword)
    } catch (error) {
      return await showProblem(deps, { request, reply }, error)
    }
    goOnWith(deps, reply, session)
    const done = 'Your password is changed. You are signed out everywhere else.'
    return await show(deps, { request, reply }, { done, sessionId: session.id })
  })

  app.post(
    '/account/sessions/:id/end',
    { schema: { params: Params, body: CsrfForm } },
    async (request, reply) => {
      const { actor, requestId } = await visitorOf(deps, request)
      await endOwnSession(deps, { principal: actor, requestId }, request.params.id)
      return reply.redirect('/account', 303)
    },
  )
}

function totpRoutes(app: App, deps: Deps): void {
  app.post('/account/totp', { schema: { body: CodeForm } }, async (request, reply) => {
    const { account, sessionId, requestId } = await recentVisitorOf(deps, request)
    const secret = Buffer.from(readStep(deps, request, sessionId)?.totpSecret ?? '', 'base64url')
    if (secret.length === 0) return reply.redirect('/account', 303)
    try {
      const wanted = { secret, code: request.body.code, isFirst: false }
      return sendCodes(deps, reply, sessionId, await addTotp(deps, account, wanted, requestId))
    } catch (error) {
      return await showProblem(deps, { request, reply }, error)
    }
  })

  app.post('/account/totp/remove', { schema: { body: CsrfForm } }, async (request, reply) => {
    const session = await manage.removeTotp(deps, await recentVisitorOf(deps, request))
    if (session !== undefined) goOnWith(deps, reply, session)
    return reply.redirect('/account', 303)
  })

  app.post('/account/backup-codes', { schema: { body: CsrfForm } }, async (request, reply) => {
    const { account, sessionId, requestId } = await recentVisitorOf(deps, request)
    if ((await selectTotp(deps.db, account.id)) === undefined) {
      return reply.redirect('/account', 303)
    }
    return sendCodes(deps, reply, sessionId, await renewBackupCodes(deps, account, requestId))
  })
}

function passkeyRoutes(app: App, deps: Deps): void {
  const use = ({ sessionId, account }: Visitor) =>
    ({ purpose: 'add', context: `${sessionId} ${account.id}` }) as const

  app.post('/account/passkeys/options', { schema: { body: CsrfForm } }, async (request) => {
    const visitor = await recentVisitorOf(deps, request)
    const { id, user_principal_name: userPrincipalName, display_name } = visitor.account
    const user = { id, userPrincipalName, displayName: display_name }
    return await newPasskeyOptions(deps, use(visitor), user)
  })

  app.post('/account/passkeys', { schema: { body: CredentialForm } }, async (request, reply) => {
    const visitor = await recentVisitorOf(deps, request)
    const name = `Passkey of ${deps.clock.now().toISOString().slice(0, 10)}`
    const wanted = { use: use(visitor), name, answerText: request.body.credential, isFirst: false }
    await addPasskey(deps, visitor.account, wanted, request.id)
    return reply.redirect('/account', 303)
  })

  app.post(
    '/account/passkeys/:id/rename',
    { schema: { params: Params, body: NameForm } },
    async (request, reply) => {
      const visitor = await visitorOf(deps, request)
      await manage.renameOwnPasskey(deps, visitor, request.params.id, request.body.name)
      return reply.redirect('/account', 303)
    },
  )

  app.post(
    '/account/passkeys/:id/remove',
    { schema: { params: Params, body: CsrfForm } },
    async (request, reply) => {
      const visitor = await recentVisitorOf(deps, request)
      goOnWith(deps, reply, await manage.removeOwnPasskey(deps, visitor, request.params.id))
      return reply.redirect('/account', 303)
    },
  )
}

async function recentVisitorOf(deps: Deps, request: FastifyRequest): Promise<Visitor> {
  const visitor = await visitorOf(deps, request)
  requireRecentSignIn(deps, visitor.actor)
  return visitor
}

/** Throws AppError FORBIDDEN, NOT_FOUND. */
async function visitorOf(deps: Deps, request: FastifyRequest): Promise<Visitor> {
  const actor = userOf(request)
  const { sessionId } = actor
  if (sessionId === undefined) throw new AppError('FORBIDDEN', 'This page is for browsers.')
  const account = await selectAccount(deps.db, actor.id)
  if (account === undefined || deps.config.oidcIssuer !== undefined) {
    throw new AppError('NOT_FOUND', 'Your account is kept by the sign-in of your organisation.')
  }
  return {
    actor,
    account,
    sessionId,
    requestId: request.id,
    ipAddress: request.ip,
    userAgent: request.headers['user-agent'],
  }
}

/** All sessions have ended; this browser has a new one. */
function goOnWith({ config }: Deps, reply: FastifyReply, { cookie }: StartedSession): void {
  const rules = cookieRules(config)
  if (rules !== undefined) void reply.setCookie(rules.name(), cookie.reveal(), rules.options)
}

/** A wrong code or password is the page again; anything else is thrown on. */
async function showProblem(deps: Deps, http: Http, error: unknown): Promise<FastifyReply> {
  if (!(error instanceof AppError) || error.status >= 500) throw error
  return await show(deps, http, { problem: error.message }, 422)
}

async function show(
  deps: Deps,
  { request, reply }: Http,
  message: Pick<AccountView, 'problem' | 'done'> & { readonly sessionId?: string } = {},
  status = 200,
): Promise<FastifyReply> {
  const visitor = await visitorOf(deps, request)
  const { account } = visitor
  const { sessionId = visitor.sessionId, ...said } = message
  const hasTotp = (await selectTotp(deps.db, account.id)) !== undefined
  const view: AccountView = {
    userName: account.user_principal_name,
    csrf: csrfToken(deps.keyring, sessionId),
    ...said,
    newTotp: hasTotp ? undefined : newTotp(deps, { request, reply }, account, sessionId),
    backupCodesLeft: await countUnusedBackupCodes(deps.db, account.id),
    passkeys: await selectPasskeys(deps.db, account.id),
    sessions: (await showSessions(deps, account.id, sessionId)).items,
  }
  return sendPage(reply, accountView(view), status)
}

/** The same secret for some minutes, so that a wrong code does not need a new scan. */
function newTotp(
  deps: Deps,
  { request, reply }: Http,
  account: manage.Owner['account'],
  sessionId: string,
): AccountView['newTotp'] {
  const known = readStep(deps, request, sessionId)?.totpSecret
  const secret = known === undefined ? createTotpSecret() : Buffer.from(known, 'base64url')
  const totpSecret = secret.toString('base64url')
  const provedAt = deps.clock.now().toISOString()
  writeStep(deps, reply, sessionId, { userId: account.id, provedAt, amr: [], totpSecret })
  const { host } = new URL(deps.config.origin)
  const qrCode = totpQrCode(secret, host, account.user_principal_name)
  return { qrCode, secret: spelledSecret(secret), problem: undefined }
}

function sendCodes(
  deps: Deps,
  reply: FastifyReply,
  sessionId: string,
  codes: readonly string[],
): FastifyReply {
  const csrf = csrfToken(deps.keyring, sessionId)
  return sendPage(reply, backupCodesView({ codes, action: '/account', csrf, method: 'get' }))
}
