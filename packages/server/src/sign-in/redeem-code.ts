/**
 * From the issuer's answer to what it proves: the answer belongs to the attempt (state, issuer,
 * RFC 9207), the code is redeemed with its PKCE verifier, and the ID token is the issuer's own, for
 * this client, for this attempt (nonce), not expired. openid-client checks all of that.
 */

import * as oidc from 'openid-client'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { lacksClaims, type Claims } from './person-claims.ts'
import type { SignInAttempt } from './sign-in-attempt.ts'

/** Clocks of an issuer and of this server that are in order differ by less. */
const CLOCK_TOLERANCE_SECONDS = 60

export interface ProvenSignIn {
  readonly idToken: string
  readonly idTokenClaims: Claims
  /** With those of the user info endpoint, where it had to be asked. */
  readonly claims: Claims
  /** Undefined: the issuer does not say. */
  readonly authenticatedAt: Date | undefined
  readonly acr: string | undefined
  readonly amr: readonly string[]
}

type RedeemDeps = Pick<Deps, 'config' | 'log'>

/** Throws AppError SIGN_IN_FAILED, ISSUER_UNAVAILABLE. */
export async function redeemCode(
  deps: RedeemDeps,
  client: oidc.Configuration,
  answer: URL,
  attempt: SignInAttempt,
): Promise<ProvenSignIn> {
  const tokens = await grant(deps, client, answer, attempt)
  const idTokenClaims = tokens.claims()
  if (idTokenClaims === undefined || tokens.id_token === undefined) {
    throw new AppError('SIGN_IN_FAILED', 'The issuer sent no ID token.')
  }
  const authenticatedAt = timeOf(idTokenClaims.auth_time)
  if (attempt.isStepUp) requireFresh(authenticatedAt, attempt)
  return {
    idToken: tokens.id_token,
    idTokenClaims,
    claims: await withUserInfo(deps, client, tokens.access_token, idTokenClaims),
    authenticatedAt,
    acr: textOf(idTokenClaims['acr']),
    amr: methodsOf(idTokenClaims['amr']),
  }
}

async function grant(
  { log }: RedeemDeps,
  client: oidc.Configuration,
  answer: URL,
  attempt: SignInAttempt,
) {
  try {
    return await oidc.authorizationCodeGrant(client, answer, {
      pkceCodeVerifier: attempt.codeVerifier,
      expectedState: attempt.state,
      expectedNonce: attempt.nonce,
      idTokenExpected: true,
    })
  } catch (error) {
    // Never the error's `cause`: it can hold the answer with its tokens.
    const reason = reasonOf(error)
    log.warn({ reason, issuer: attempt.issuer }, 'a sign-in could not be finished')
    if (error instanceof oidc.AuthorizationResponseError) {
      throw new AppError('SIGN_IN_FAILED', refusalText(error.error))
    }
    if (isUnreachable(error)) {
      throw new AppError('ISSUER_UNAVAILABLE', 'The issuer cannot be reached. Try again.', {
        retryAfterSeconds: 30,
      })
    }
    throw new AppError(
      'SIGN_IN_FAILED',
      'The answer of the issuer is not valid. Sign in again; if that fails too, the log of the server has the reason.',
    )
  }
}

/** RFC 6749 §4.1.2.1: what people can do about it. The issuer's own text is not shown. */
function refusalText(error: string): string {
  switch (error) {
    case 'access_denied':
      return 'The sign-in was cancelled, or the issuer does not let you in here.'
    case 'temporarily_unavailable':
    case 'server_error':
      return 'The issuer has a problem. Try again in a minute.'
    default:
      return 'The issuer refused the sign-in; the log of the server has the reason.'
  }
}

/** What a log may have: codes and fixed texts of the library. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : ''
  const oauthError =
    'error' in error && typeof error.error === 'string' ? `: ${error.error.slice(0, 64)}` : ''
  return `${error.message.slice(0, 200)}${code}${oauthError}`
}

function isUnreachable(error: unknown): boolean {
  const { cause } = error instanceof Error ? error : {}
  const isNetwork = cause instanceof TypeError && cause.message === 'fetch failed'
  return isNetwork || (error instanceof TypeError && error.message === 'fetch failed')
}

/** Throws AppError SIGN_IN_FAILED unless the person proved himself after the attempt began. */
function requireFresh(authenticatedAt: Date | undefined, attempt: SignInAttempt): void {
  if (authenticatedAt === undefined) {
    throw new AppError(
      'SIGN_IN_FAILED',
      'The issuer does not say when you signed in (auth_time), so it cannot count as just now. The administrator can have it sent.',
    )
  }
  if (authenticatedAt.getTime() < attempt.beganAt - CLOCK_TOLERANCE_SECONDS * 1000) {
    throw new AppError(
      'SIGN_IN_FAILED',
      'The issuer did not ask you to sign in again, so this does not count as a sign-in of just now.',
    )
  }
}

/** An issuer that fails here costs claims, never more: what is missing gives nothing. */
async function withUserInfo(
  { config, log }: RedeemDeps,
  client: oidc.Configuration,
  accessToken: string,
  idTokenClaims: oidc.IDToken,
): Promise<Claims> {
  const isAsked = config.oidcIssuer !== undefined && lacksClaims(config, idTokenClaims)
  if (!isAsked || client.serverMetadata().userinfo_endpoint === undefined) return idTokenClaims
  try {
    const userInfo = await oidc.fetchUserInfo(client, accessToken, idTokenClaims.sub)
    return { ...userInfo, ...idTokenClaims }
  } catch (error) {
    log.warn({ reason: reasonOf(error) }, 'the issuer does not answer about a user')
    return idTokenClaims
  }
}

function timeOf(claim: unknown): Date | undefined {
  const isTime = typeof claim === 'number' && claim > 0 && claim < 1e11
  return isTime ? new Date(claim * 1000) : undefined
}

function textOf(claim: unknown): string | undefined {
  return typeof claim === 'string' && claim.length <= 255 ? claim : undefined
}

/** RFC 8176. */
function methodsOf(claim: unknown): string[] {
  const given: unknown[] = Array.isArray(claim) ? claim : []
  return given
    .filter((one): one is string => typeof one === 'string' && /^[\x21-\x7e]{1,64}$/.test(one))
    .slice(0, 16)
}
