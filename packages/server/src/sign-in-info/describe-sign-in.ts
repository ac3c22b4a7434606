/**
 * Where the command line and the agent sign a person in (`GET /api/v1/sign-in-info`): the built-in
 * issuer with its own two clients.
 */

import type { SignInInfo } from '@keydesk/contract'
import type { Config } from '../config.ts'

const CLI_SCOPE = 'openid offline_access Keydesk.Access'
/** No refresh token: one enrolment is all that it is for. */
const AGENT_SCOPE = 'openid Keydesk.EnrollDevice'

export function describeSignIn(config: Config): SignInInfo {
  return {
    issuer: `${config.origin}/oidc`,
    audience: config.origin,
    resource: config.origin,
    stepUpAcrValues: 'urn:keydesk:acr:mfa',
    cli: { clientId: 'keydesk-cli', scope: CLI_SCOPE },
    agent: { clientId: 'keydesk-agent', scope: AGENT_SCOPE },
  }
}
