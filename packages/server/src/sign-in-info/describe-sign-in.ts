/**
 * Where the command line and the agent sign a person in (`GET /api/v1/sign-in-info`): at the
 * built-in issuer with its own two clients, or at the configured one with the clients that its
 * administrator made.
 */

import type { SignInInfo } from '@keydesk/contract'
import { ACR_MFA } from '../access/step-up-acr.ts'
import type { Config } from '../config.ts'
import { AGENT_CLIENT_ID, CLI_CLIENT_ID } from '../issuer/clients.ts'

/** The agent gets no refresh token: one enrolment is all that its sign-in is for. */
const CLI_SCOPE = 'Keydesk.Access'
const AGENT_SCOPE = 'Keydesk.EnrollDevice'

export function describeSignIn(config: Config): SignInInfo {
  return config.oidcIssuer === undefined
    ? builtInSignIn(config)
    : externalSignIn(config, config.oidcIssuer)
}

function builtInSignIn(config: Config): SignInInfo {
  const { origin } = config
  return {
    issuer: `${origin}/oidc`,
    audience: origin,
    resource: origin,
    stepUpAcrValues: ACR_MFA,
    cli: { clientId: CLI_CLIENT_ID, scope: `openid offline_access ${CLI_SCOPE}` },
    ...agentSignIn(config, AGENT_CLIENT_ID, `openid ${AGENT_SCOPE}`),
  }
}

/** Entra ID refuses `resource`; others would ignore it. */
function externalSignIn(config: Config, issuer: string): SignInInfo {
  const { oidcAudience, oidcCliClientId, oidcAgentClientId, oidcStepUpAcr } = config
  const prefix = config.oidcApiScopePrefix ?? ''
  // Without an audience no token of that issuer is accepted here.
  if (oidcAudience === undefined) return { issuer, audience: config.origin }
  return {
    issuer,
    audience: oidcAudience,
    ...(oidcStepUpAcr === undefined ? {} : { stepUpAcrValues: oidcStepUpAcr.join(' ') }),
    ...(oidcCliClientId === undefined
      ? {}
      : {
          cli: {
            clientId: oidcCliClientId,
            scope: `openid offline_access ${prefix}${CLI_SCOPE}`,
          },
        }),
    ...agentSignIn(config, oidcAgentClientId, `openid ${prefix}${AGENT_SCOPE}`),
  }
}

function agentSignIn(
  config: Config,
  clientId: string | undefined,
  scope: string,
): Pick<SignInInfo, 'agent'> {
  if (config.enrollBySignIn === 'off' || clientId === undefined) return {}
  return { agent: { clientId, scope } }
}
