/**
 * From the cookie of a request to the user who signed in with it. A session counts while it is
 * open, neither idle nor too old, begun with the issuer that this server has now, and exactly as
 * this server wrote it.
 */

import { timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { UserCredential } from '../access/load-principal.ts'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { selectSession, touchSession, type SessionRow } from './session-queries.ts'
import { cookieRules } from './session-cookie.ts'
import { parseSessionToken, sessionMac, type SessionToken } from './session-secret.ts'

/** One write for each session and minute, however many requests it sends. */
const TOUCH_INTERVAL_MS = 60_000

export type SessionDeps = Pick<Deps, 'config' | 'db' | 'clock' | 'keyring'>

/** What the credentials of this deployment's people are issued by. */
export function currentIssuer(config: Pick<Config, 'oidcIssuer' | 'origin'>): string {
  return config.oidcIssuer ?? `${config.origin}/oidc`
}

/** Undefined: the request has no session cookie. Throws AppError UNAUTHENTICATED. */
export async function authenticateSession(
  deps: SessionDeps,
  request: FastifyRequest,
): Promise<UserCredential | undefined> {
  const cookie = sessionCookie(deps.config, request)
  if (cookie === undefined) return undefined
  const session = await findSession(deps, cookie)
  if (session === undefined) {
    throw new AppError('UNAUTHENTICATED', 'The session has ended. Sign in again.')
  }
  return {
    type: 'user',
    userId: session.user_id,
    authenticatedAt: session.authenticated_at ?? undefined,
    methods: session.amr,
    acr: session.acr ?? undefined,
    sessionId: session.id,
    scopes: undefined,
    issuedAt: session.created_at,
  }
}

export function sessionCookie(config: Config, request: FastifyRequest): string | undefined {
  const rules = cookieRules(config)
  return rules === undefined ? undefined : request.cookies[rules.name()]
}

/** The session that a cookie proves, if it counts; marks it as used. */
export async function findSession(
  deps: SessionDeps,
  cookie: string,
): Promise<SessionRow | undefined> {
  const token = parseSessionToken(cookie)
  if (token === undefined) return undefined
  const session = await selectSession(deps.db, token.id)
  const now = deps.clock.now()
  if (session === undefined || !counts(deps, session, token, now)) return undefined
  const before = new Date(now.getTime() - TOUCH_INTERVAL_MS)
  if (session.last_seen_at <= before) await touchSession(deps.db, session.id, { before, now })
  return session
}

function counts(deps: SessionDeps, session: SessionRow, token: SessionToken, now: Date): boolean {
  const { config, keyring } = deps
  if (!timingSafeEqual(session.mac, sessionMac(keyring, token.secret, session))) return false
  const idleUntil = session.last_seen_at.getTime() + config.sessionIdleSeconds * 1000
  return (
    session.ended_at === null &&
    session.expires_at > now &&
    idleUntil > now.getTime() &&
    session.issuer === currentIssuer(config)
  )
}
