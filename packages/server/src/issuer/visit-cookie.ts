/**
 * Which visits to the sign-in pages this browser began. The library's own cookies of a visit have
 * paths, so they cannot have the prefix `__Host-`, and a neighbouring host could plant those of its
 * own visit in somebody's browser and go on as him when he has signed in (session fixation). This
 * cookie nobody else can set, and without it no visit is shown, finished or gone on with.
 *
 * Its value is a list of HMACs of visits, newest first, and says nothing about them.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { cookieRules } from '../sessions/session-cookie.ts'
import { derivedKey } from '../vault/derived-key.ts'

const LABEL = 'keydesk sign-in visit v1'
const PURPOSE = 'visits'
/** Tabs in which somebody is about to sign in. */
const VISITS_MAX = 8
/** No visit lasts longer. */
const VISIT_MS = 30 * 60 * 1000

type VisitDeps = Pick<Deps, 'config' | 'keyring'>

/** When the issuer sends the browser to the pages. */
export function rememberVisit(
  deps: VisitDeps,
  cookies: KoaContextWithOIDC['cookies'],
  uid: string,
): void {
  const rules = cookieRules(deps.config)
  if (rules === undefined) return
  const name = rules.name(PURPOSE)
  const others = visitsIn(cookies.get(name, { signed: false })).slice(0, VISITS_MAX - 1)
  cookies.set(name, [visitMac(deps, uid), ...others].join('.'), {
    signed: false,
    path: '/',
    httpOnly: true,
    secure: rules.options.secure === true,
    sameSite: 'lax',
    maxAge: VISIT_MS,
  })
}

/** Of a route with `:uid`. Throws AppError NOT_FOUND: another browser began it. */
export function requireOwnVisit(deps: VisitDeps, request: FastifyRequest): void {
  const { uid = '' } = request.params as { readonly uid?: string }
  const cookie = request.cookies[cookieRules(deps.config)?.name(PURPOSE) ?? '']
  const expected = Buffer.from(visitMac(deps, uid))
  const isOwn = visitsIn(cookie).some((mac) => {
    const given = Buffer.from(mac)
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
  if (!isOwn) throw visitGone()
}

export function visitGone(): AppError {
  return new AppError('NOT_FOUND', 'This sign-in has expired or was finished. Start again.')
}

function visitsIn(cookie: string | undefined): string[] {
  return (cookie ?? '').split('.').filter((mac) => /^[A-Za-z0-9_-]{43}$/.test(mac))
}

function visitMac({ keyring }: VisitDeps, uid: string): string {
  return createHmac('sha256', derivedKey(keyring, LABEL)).update(uid).digest('base64url')
}
