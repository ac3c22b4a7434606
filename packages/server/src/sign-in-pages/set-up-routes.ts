/**
 * HTTP of the second factor that somebody has to set up before he goes on: after his password, in
 * the same visit, and only while he has none.
 */

import { LIMITS } from '@keydesk/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { selectAccount, type AccountRow } from '../accounts/account-queries.ts'
import { addPasskey } from '../accounts/add-passkey.ts'
import { addTotp } from '../accounts/add-totp.ts'
import { newPasskeyOptions } from '../accounts/passkeys.ts'
import { requireNoSecondFactor } from '../accounts/second-factors.ts'
import { createTotpSecret, spelledSecret, totpQrCode } from '../accounts/totp.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-type.ts'
import { sendPage, type PageOptions } from './page.ts'
import { backupCodesView, setUpView } from './sign-in-views.ts'
import {
  finishVisit,
  visitByForm,
  visitOf,
  type PageServices,
  type Visit,
} from './sign-in-visit.ts'
import { writeStep, type Step } from './step-cookie.ts'

const Uid = Type.Object({ uid: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }) })
const Csrf = Type.String({ maxLength: 64 })
const CsrfForm = Type.Object({ csrf: Csrf })
const CodeForm = Type.Object({ csrf: Csrf, code: Type.String({ maxLength: 64 }) })
const CredentialForm = Type.Object({
  csrf: Csrf,
  credential: Type.String({ maxLength: LIMITS.passkeyAnswerLengthMax }),
})

interface SetUp extends Visit {
  readonly step: Step
  readonly account: AccountRow
}

export function setUpRoutes(app: App, deps: Deps, services: PageServices): void {
  app.get('/sign-in/with/:uid/set-up', { schema: { params: Uid } }, async (request, reply) => {
    const visit = await visitOf(deps, services, request, reply)
    if (visit.step === undefined) return reply.redirect(visit.target.path, 303)
    const setUp = await setUpOf(deps, visit)
    return sendPage(reply, setUpPage(deps, reply, setUp, undefined))
  })
  totpRoutes(app, deps, services)
  passkeyRoutes(app, deps, services)
}

function totpRoutes(app: App, deps: Deps, services: PageServices): void {
  app.post(
    '/sign-in/with/:uid/set-up/totp',
    { schema: { params: Uid, body: CodeForm } },
    async (request, reply) => {
      const setUp = await setUpOf(deps, await visitByForm(deps, services, request, reply))
      const { step, account, target } = setUp
      const secret = Buffer.from(step.totpSecret ?? '', 'base64url')
      if (secret.length === 0) return reply.redirect(`${target.path}/set-up`, 303)
      let codes: readonly string[]
      try {
        const wanted = { secret, code: request.body.code, isFirst: true }
        codes = await addTotp(deps, account, wanted, request.id)
      } catch (error) {
        if (!(error instanceof AppError) || error.code === 'FORBIDDEN') throw error
        const status = error.code === 'UNAUTHENTICATED' ? 422 : error.status
        return sendPage(reply, setUpPage(deps, reply, setUp, error.message), status)
      }
      const { userId, provedAt } = step
      writeStep(deps, reply, setUp.interaction.uid, {
        userId,
        provedAt,
        amr: ['pwd', 'otp', 'mfa'],
      })
      const action = `${target.path}/go-on`
      return sendPage(reply, backupCodesView({ codes, action, csrf: target.csrf }))
    },
  )

  app.post(
    '/sign-in/with/:uid/go-on',
    { schema: { params: Uid, body: CsrfForm } },
    async (request, reply) => {
      const visit = await visitByForm(deps, services, request, reply)
      const { step } = visit
      if (step?.amr.includes('mfa') !== true) return reply.redirect(visit.target.path, 303)
      return await finishVisit(deps, services, { request, reply }, visit, step)
    },
  )
}

function passkeyRoutes(app: App, deps: Deps, services: PageServices): void {
  const setUpByForm = async (request: FastifyRequest, reply: FastifyReply): Promise<SetUp> =>
    await setUpOf(deps, await visitByForm(deps, services, request, reply))

  app.post(
    '/sign-in/with/:uid/set-up/passkey/options',
    { schema: { params: Uid, body: CsrfForm } },
    async (request, reply) => {
      const { account, ...setUp } = await setUpByForm(request, reply)
      return await newPasskeyOptions(deps, challengeUse(setUp, account), {
        id: account.id,
        userPrincipalName: account.user_principal_name,
        displayName: account.display_name,
      })
    },
  )

  app.post(
    '/sign-in/with/:uid/set-up/passkey',
    { schema: { params: Uid, body: CredentialForm } },
    async (request, reply) => {
      const { account, ...setUp } = await setUpByForm(request, reply)
      const use = challengeUse(setUp, account)
      const wanted = { use, name: 'Passkey', answerText: request.body.credential, isFirst: true }
      await addPasskey(deps, account, wanted, request.id)
      const { userId, provedAt } = setUp.step
      return await finishVisit(deps, services, { request, reply }, setUp, {
        userId,
        provedAt,
        amr: ['pwd', 'hwk', 'mfa'],
      })
    },
  )
}

function challengeUse({ interaction }: Visit, account: AccountRow) {
  return { purpose: 'add', context: `${interaction.uid} ${account.id}` } as const
}

/** Throws AppError UNAUTHENTICATED, FORBIDDEN. */
async function setUpOf(deps: Deps, visit: Visit): Promise<SetUp> {
  const { step } = visit
  const account = step && (await selectAccount(deps.db, step.userId))
  if (step === undefined || account?.is_active !== true) {
    throw new AppError('UNAUTHENTICATED', 'It took too long. Sign in again.')
  }
  await requireNoSecondFactor(deps.db, deps, account.id)
  return { ...visit, step, account }
}

/** The same secret for as long as the visit lasts, so that a wrong code needs no new scan. */
function setUpPage(
  deps: Deps,
  reply: FastifyReply,
  { interaction, target, step, account }: SetUp,
  problem: string | undefined,
): PageOptions {
  const known = step.totpSecret
  const secret = known === undefined ? createTotpSecret() : Buffer.from(known, 'base64url')
  if (known === undefined) {
    const totpSecret = secret.toString('base64url')
    writeStep(deps, reply, interaction.uid, { ...step, totpSecret })
  }
  const userName = account.user_principal_name
  return setUpView({
    target,
    qrCode: totpQrCode(secret, new URL(deps.config.origin).host, userName),
    secret: spelledSecret(secret),
    problem,
  })
}
