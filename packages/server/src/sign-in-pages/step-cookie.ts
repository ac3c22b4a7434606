/**
 * What a person has already proved in the interaction that he is in: sealed into a cookie, so the
 * server keeps nothing and the browser cannot read or change it. Bound to the interaction, and good
 * for a few minutes.
 */

import { LIMITS, matches } from '@keydesk/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { cookieRules, type CookieRules } from '../sessions/session-cookie.ts'
import { openValue, sealValue } from '../vault/derived-key.ts'

const Step = Type.Object({
  userId: Type.String(),
  /** RFC 3339: when the password (or passkey) was right. */
  provedAt: Type.String(),
  /** RFC 8176 names of what was proved so far. */
  amr: Type.Array(Type.String()),
  /** Base64url, of an authenticator app that is being set up. */
  totpSecret: Type.Optional(Type.String()),
})
export type Step = Static<typeof Step>

const LABEL = 'keydesk sign-in step v1'

type StepDeps = Pick<Deps, 'config' | 'keyring' | 'clock'>

/** `about`: the interaction or session. */
export function writeStep(deps: StepDeps, reply: FastifyReply, about: string, step: Step): void {
  const { name, options } = rulesOf(deps)
  const sealed = sealValue(deps.keyring, LABEL, [about], Buffer.from(JSON.stringify(step)))
  void reply.setCookie(name('step'), sealed.toString('base64url'), {
    ...options,
    maxAge: LIMITS.signInStepSecondsMax,
  })
}

/** Undefined: nothing was proved in this interaction, or too long ago. */
export function readStep(deps: StepDeps, request: FastifyRequest, about: string): Step | undefined {
  const cookie = request.cookies[rulesOf(deps).name('step')]
  if (cookie === undefined) return undefined
  const opened = openValue(deps.keyring, LABEL, [about], Buffer.from(cookie, 'base64url'))
  if (opened === undefined) return undefined
  const step: unknown = JSON.parse(opened.toString())
  if (!matches(Step, step)) return undefined
  const age = deps.clock.now().getTime() - Date.parse(step.provedAt)
  return age <= LIMITS.signInStepSecondsMax * 1000 ? step : undefined
}

export function clearStep(deps: StepDeps, reply: FastifyReply): void {
  const { name, options } = rulesOf(deps)
  void reply.clearCookie(name('step'), options)
}

/** A year: longer than a holiday, and it opens nothing. */
const BROWSER_SECONDS = 365 * 86_400

export function readBrowserCookie(deps: StepDeps, request: FastifyRequest): string | undefined {
  return request.cookies[rulesOf(deps).name('browser')]
}

export function writeBrowserCookie(deps: StepDeps, reply: FastifyReply, value: string): void {
  const { name, options } = rulesOf(deps)
  void reply.setCookie(name('browser'), value, { ...options, maxAge: BROWSER_SECONDS })
}

function rulesOf({ config }: StepDeps): CookieRules {
  const rules = cookieRules(config)
  if (rules !== undefined) return rules
  throw new AppError(
    'FORBIDDEN',
    'People can sign in over https only (or at http://localhost). Tell whoever runs this service.',
  )
}
