/**
 * How strong a sign-in was, as `acr` (OpenID Connect Core §2) says it: the two values of the
 * built-in issuer, and what a step-up demands of whichever issuer this deployment has.
 */

import type { Config } from '../config.ts'

/** One factor. */
export const ACR_PASSWORD = 'urn:keydesk:acr:password'
/** A passkey, or a password with a one-time code. */
export const ACR_MFA = 'urn:keydesk:acr:mfa'

/** Any of these will do; none at all: every sign-in that is recent enough will. */
export function stepUpAcrValues(config: Pick<Config, 'oidcIssuer' | 'oidcStepUpAcr'>) {
  if (config.oidcIssuer === undefined) return [ACR_MFA]
  return config.oidcStepUpAcr ?? []
}
