/**
 * What this server has to remember between sending a browser to the issuer and its coming back:
 * sealed into a cookie of that browser, one for each attempt, so that strangers can begin as many
 * sign-ins as they like and cost the database nothing. An answer that comes to another browser
 * finds no cookie and is refused (login CSRF); one that comes twice is refused by
 * `used_sign_in_state`.
 */

import { createHash } from 'node:crypto'
import type { CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Keyring } from '../vault/keyring.ts'
import { openValue, sealValue } from '../vault/derived-key.ts'
import type { CookieRules } from '../sessions/session-cookie.ts'

const LABEL = 'keydesk sign-in attempt v1'
const PURPOSE = 'sign-in'
/** Long enough to find the phone, or to have the password reset. */
export const ATTEMPT_SECONDS = 30 * 60
/** Tabs in which somebody may be about to sign in. More would make the Cookie header too long. */
const ATTEMPTS_MAX = 6

export interface SignInAttempt {
  /** `state` of the authorization request. */
  readonly state: string
  readonly nonce: string
  /** RFC 7636. */
  readonly codeVerifier: string
  readonly issuer: string
  /** A local path. */
  readonly returnTo: string
  /** Milliseconds since 1970. */
  readonly beganAt: number
  /** Who proves himself again; absent for an ordinary sign-in. */
  readonly stepUpOf?: string
  /** The one-time link that makes whoever signs in the first administrator. */
  readonly setupLink?: string
  readonly isStepUp: boolean
}

interface AttemptCookies {
  readonly keyring: Keyring
  readonly rules: CookieRules
}

export function rememberAttempt(
  { keyring, rules }: AttemptCookies,
  request: FastifyRequest,
  reply: FastifyReply,
  attempt: SignInAttempt,
): void {
  const others = Object.keys(request.cookies).filter((name) => isAttempt(rules, name))
  // Browsers send the oldest first.
  for (const name of others.slice(0, Math.max(0, others.length - ATTEMPTS_MAX + 1))) {
    reply.clearCookie(name, rules.options)
  }
  const sealed = sealValue(keyring, LABEL, [attempt.state], Buffer.from(JSON.stringify(attempt)))
  reply.setCookie(cookieName(rules, attempt.state), sealed.toString('base64url'), {
    ...attemptOptions(rules),
    maxAge: ATTEMPT_SECONDS,
  })
}

/** Undefined: this browser did not begin it, or too long ago. */
export function recallAttempt(
  { keyring, rules }: AttemptCookies,
  request: FastifyRequest,
  state: string,
  now: Date,
): SignInAttempt | undefined {
  const cookie = request.cookies[cookieName(rules, state)]
  if (cookie === undefined) return undefined
  const opened = openValue(keyring, LABEL, [state], Buffer.from(cookie, 'base64url'))
  if (opened === undefined) return undefined
  // Sealed by this server: it has the form that was sealed.
  const attempt = JSON.parse(opened.toString()) as SignInAttempt
  const ageMs = now.getTime() - attempt.beganAt
  return ageMs < ATTEMPT_SECONDS * 1000 && ageMs > -60_000 ? attempt : undefined
}

export function forgetAttempt(rules: CookieRules, reply: FastifyReply, state: string): void {
  reply.clearCookie(cookieName(rules, state), attemptOptions(rules))
}

function isAttempt(rules: CookieRules, name: string): boolean {
  return name.startsWith(`${rules.name(PURPOSE)}-`)
}

/** Lax: the issuer's answer is a link from its site. */
function attemptOptions(rules: CookieRules): CookieSerializeOptions {
  return rules.options
}

function cookieName(rules: CookieRules, state: string): string {
  const hash = createHash('sha256').update(state).digest('base64url').slice(0, 12)
  return `${rules.name(PURPOSE)}-${hash}`
}

/** What the database remembers of a state that was used. */
export function stateHash(state: string): Buffer {
  return createHash('sha256').update(state).digest()
}
