/**
 * Who enrols a device by his own sign-in, from the access token that the agent got for it. One and
 * the same refusal for whatever is wrong with it: it is a stranger who asks until it is not.
 */

import type { UserActor } from '../access/actor.ts'
import { loadPrincipal, type Credential } from '../access/load-principal.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'

/** Throws AppError UNAUTHENTICATED. */
export type AuthenticateAccessToken = (token: string) => Promise<Credential>

/** Throws AppError ENROLLMENT_SIGN_IN_OFF or ENROLLMENT_SIGN_IN_INVALID. */
export async function authenticateNewOwner(
  deps: Pick<Deps, 'config' | 'db' | 'clock'>,
  authenticateAccessToken: AuthenticateAccessToken,
  token: string,
): Promise<UserActor> {
  if (deps.config.enrollBySignIn === 'off') {
    throw new AppError(
      'ENROLLMENT_SIGN_IN_OFF',
      'Ask an administrator for an enrolment token instead.',
    )
  }
  const credential = await credentialOf(authenticateAccessToken, token)
  const principal = await loadPrincipal(deps, credential)
  const actor = principal?.actor
  if (actor?.type !== 'user' || !actor.grants.covers('keydesk/devices/enroll')) throw refused()
  return actor
}

async function credentialOf(
  authenticateAccessToken: AuthenticateAccessToken,
  token: string,
): Promise<Credential> {
  try {
    return await authenticateAccessToken(token)
  } catch (error) {
    if (error instanceof AppError && error.code === 'UNAUTHENTICATED') throw refused()
    throw error
  }
}

function refused(): AppError {
  return new AppError(
    'ENROLLMENT_SIGN_IN_INVALID',
    'It is not valid here, has ended, or is not one of a person for enrolling a device. Sign in again.',
  )
}
