/**
 * Begins a sign-in: the authorization request (code with PKCE S256, state, nonce) and what has to
 * be remembered until its answer.
 *
 * A step-up asks the issuer to have the person prove himself now, and strongly enough. Every other
 * sign-in asks that the issuer's own session be no older than one of ours may be, which also makes
 * the issuer say when the person proved himself.
 */

import * as oidc from 'openid-client'
import { stepUpAcrValues } from '../access/step-up-acr.ts'
import type { Deps } from '../deps.ts'
import { currentIssuer } from '../sessions/authenticate-session.ts'
import type { IssuerClient } from './issuer-client.ts'
import { localPath } from './local-path.ts'
import type { SignInAttempt } from './sign-in-attempt.ts'

export interface WantedSignIn {
  readonly returnTo: string | undefined
  readonly isStepUp: boolean
  /** Who is signed in and steps up. */
  readonly userId: string | undefined
  readonly setupLink: string | undefined
}

export interface BegunSignIn {
  readonly attempt: SignInAttempt
  readonly location: URL
}

/** Throws AppError ISSUER_UNAVAILABLE. */
export async function beginSignIn(
  deps: Pick<Deps, 'config' | 'clock'>,
  issuer: IssuerClient,
  wanted: WantedSignIn,
): Promise<BegunSignIn> {
  const { config } = deps
  const client = await issuer.configuration()
  const attempt: SignInAttempt = {
    state: oidc.randomState(),
    nonce: oidc.randomNonce(),
    codeVerifier: oidc.randomPKCECodeVerifier(),
    issuer: currentIssuer(config),
    returnTo: localPath(config.origin, wanted.returnTo),
    beganAt: deps.clock.now().getTime(),
    isStepUp: wanted.isStepUp,
    ...(wanted.isStepUp && wanted.userId !== undefined ? { stepUpOf: wanted.userId } : {}),
    ...(wanted.setupLink === undefined ? {} : { setupLink: wanted.setupLink }),
  }
  const acrValues = stepUpAcrValues(config)
  const location = oidc.buildAuthorizationUrl(client, {
    redirect_uri: callbackAddress(config.origin),
    response_type: 'code',
    scope: (config.oidcIssuer === undefined ? ['openid'] : config.oidcScopes).join(' '),
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(attempt.codeVerifier),
    code_challenge_method: 'S256',
    ...(wanted.isStepUp
      ? { prompt: 'login', max_age: '0' }
      : { max_age: String(config.sessionAbsoluteSeconds) }),
    ...(wanted.isStepUp && acrValues.length > 0 ? { acr_values: acrValues.join(' ') } : {}),
  })
  return { attempt, location }
}

export function callbackAddress(origin: string): string {
  return `${origin}/sign-in/callback`
}
