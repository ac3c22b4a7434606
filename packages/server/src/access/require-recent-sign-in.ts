/**
 * Step-up: some acts need a person who proved a short while ago, and strongly enough, who he is.
 * The refusal is RFC 9470's, so that a client can ask the issuer for exactly what is missing; the
 * portal sends the person to `/sign-in?stepUp=1`.
 *
 * A sign-in whose time or strength is not known is not recent. Programs pass: they have nobody to
 * ask.
 */

import type { Deps } from '../deps.ts'
import type { PrincipalActor } from './actor.ts'
import { stepUpAcrValues } from './step-up-acr.ts'
import { stepUpRequired } from './step-up-required.ts'

/** Clocks of an issuer and of this server that are in order differ by less. */
const CLOCK_TOLERANCE_MS = 60_000

export interface RecentSignInOptions {
  /** Less than the setting KEYDESK_STEP_UP_AGE, for an act that needs it. */
  readonly maxAgeSeconds?: number
}

/** @throws AppError STEP_UP_REQUIRED */
export function requireRecentSignIn(
  deps: Pick<Deps, 'config' | 'clock'>,
  actor: PrincipalActor,
  options: RecentSignInOptions = {},
): void {
  if (actor.type === 'app') return
  const maxAgeSeconds = Math.min(
    options.maxAgeSeconds ?? deps.config.stepUpSeconds,
    deps.config.stepUpSeconds,
  )
  const acrValues = stepUpAcrValues(deps.config)
  const isStrong = acrValues.length === 0 || acrValues.includes(actor.acr ?? '')
  if (isStrong && isRecent(actor.authenticatedAt, deps.clock.now(), maxAgeSeconds)) return
  const detail = isStrong
    ? `This needs a sign-in of the last ${inWords(maxAgeSeconds)}. Sign in again.`
    : 'This needs a sign-in with a second factor. Sign in again with one.'
  throw stepUpRequired({ detail, maxAgeSeconds, acrValues })
}

function isRecent(at: Date | undefined, now: Date, maxAgeSeconds: number): boolean {
  if (at === undefined) return false
  const ageMs = now.getTime() - at.getTime()
  return ageMs <= maxAgeSeconds * 1000 && ageMs >= -CLOCK_TOLERANCE_MS
}

function inWords(seconds: number): string {
  return seconds % 60 === 0 ? `${seconds / 60} minutes` : `${seconds} seconds`
}
