/**
 * The environment variables of sign-in: the issuer, what its claims mean, sessions and step-up.
 * Part of the one table in `config.ts`.
 */

import * as values from './config-values.ts'
import { variable } from './config-variable.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export const SIGN_IN_VARIABLES = {
  oidcIssuer: variable({
    name: 'KEYDESK_OIDC_ISSUER',
    unit: 'URL',
    default: undefined,
    example: 'https://login.issuer.example/keydesk/v2.0',
    description:
      'The OpenID Connect issuer where people sign in, exactly as it names itself. Without this ' +
      'variable: the built-in one, with accounts of this server.',
    parse: values.issuerUrl,
  }),
  oidcClientId: variable({
    name: 'KEYDESK_OIDC_CLIENT_ID',
    unit: 'text',
    default: undefined,
    example: '22222222-2222-2222-2222-222222222222',
    description: 'The client ID of this service at that issuer.',
    parse: values.plainText(255),
  }),
  oidcClientSecretFile: variable({
    name: 'KEYDESK_OIDC_CLIENT_SECRET_FILE',
    unit: 'file',
    default: undefined,
    example: '/etc/keydesk/oidc-client-secret',
    description: 'A file with the client secret. Either this or a private key is needed.',
    parse: values.path,
  }),
  oidcPrivateKeyFile: variable({
    name: 'KEYDESK_OIDC_PRIVATE_KEY_FILE',
    unit: 'file',
    default: undefined,
    example: '/etc/keydesk/oidc-client-key.json',
    description:
      'A file with a private key for private_key_jwt instead of a secret: a JWK (with kid), or ' +
      'PKCS #8 in PEM. EC P-256 (ES256) or RSA of 2048 bits and more (PS256, or what alg says).',
    parse: values.path,
  }),
  oidcScopes: variable({
    name: 'KEYDESK_OIDC_SCOPES',
    unit: 'scopes',
    default: 'openid profile email',
    example: 'openid profile email groups',
    description: 'Scopes that a sign-in asks the issuer for, separated by spaces.',
    parse: values.scopes,
  }),
  oidcAudience: variable({
    name: 'KEYDESK_OIDC_AUDIENCE',
    unit: 'text',
    default: undefined,
    example: 'api://keydesk',
    description:
      'What access tokens of that issuer must name in aud to be accepted by the API. Without ' +
      'this variable: none are.',
    parse: values.plainText(255),
  }),
  oidcClaimId: variable({
    name: 'KEYDESK_OIDC_CLAIM_ID',
    unit: 'claim',
    default: undefined,
    example: 'sub',
    description:
      'The claim that names a person for good: never re-used and not to be changed by the ' +
      'person. Without this variable: oid where the issuer sends it, else sub.',
    parse: values.claimName,
  }),
  oidcClaimUpn: variable({
    name: 'KEYDESK_OIDC_CLAIM_UPN',
    unit: 'claim',
    default: undefined,
    example: 'email',
    description:
      'The claim with the user principal name. Without this variable: upn, else ' +
      'preferred_username.',
    parse: values.claimName,
  }),
  oidcClaimGroups: variable({
    name: 'KEYDESK_OIDC_CLAIM_GROUPS',
    unit: 'claim',
    default: 'groups',
    example: 'keydesk_groups',
    description:
      'The claim with the groups of a person: the external IDs of groups that are registered here.',
    parse: values.claimName,
  }),
  oidcClaimRoles: variable({
    name: 'KEYDESK_OIDC_CLAIM_ROLES',
    unit: 'claim',
    default: 'roles',
    example: 'app_roles',
    description: 'The claim with the app roles of a program in access tokens of that issuer.',
    parse: values.claimName,
  }),
  oidcStepUpAcr: variable({
    name: 'KEYDESK_OIDC_STEP_UP_ACR',
    unit: 'acr values',
    default: undefined,
    example: 'c1',
    description:
      'What acr must say for a sign-in that is strong enough to show a recovery password; ' +
      'several are separated by spaces. Without this variable: any sign-in that is recent enough.',
    parse: values.scopes,
  }),
  oidcNewUsers: variable({
    name: 'KEYDESK_OIDC_NEW_USERS',
    unit: 'policy',
    default: 'create',
    example: 'refuse',
    description:
      'create: whoever the issuer lets in gets an account here, without any role. refuse: only ' +
      'people who were provisioned (SCIM, import) can sign in.',
    parse: values.oneOf('create', 'refuse'),
  }),
  oidcCliClientId: variable({
    name: 'KEYDESK_OIDC_CLI_CLIENT_ID',
    unit: 'text',
    default: undefined,
    example: '33333333-3333-3333-3333-333333333333',
    description:
      'The public client at that issuer by which `keydesk login` signs in (device authorization ' +
      'grant). Without this variable: it cannot.',
    parse: values.plainText(255),
  }),
  oidcAgentClientId: variable({
    name: 'KEYDESK_OIDC_AGENT_CLIENT_ID',
    unit: 'text',
    default: undefined,
    example: '44444444-4444-4444-4444-444444444444',
    description:
      'The public client at that issuer by which a person enrols a PC of his own. Without this ' +
      'variable: PCs enrol with tokens only.',
    parse: values.plainText(255),
  }),
  oidcApiScopePrefix: variable({
    name: 'KEYDESK_OIDC_API_SCOPE_PREFIX',
    unit: 'text',
    default: undefined,
    example: 'api://keydesk/',
    description:
      'What stands before Keydesk.Access and Keydesk.EnrollDevice where that issuer is asked for ' +
      'them (Entra ID: the application ID URI and a slash). Without this variable: nothing.',
    parse: values.plainText(255),
  }),
  enrollBySignIn: variable({
    name: 'KEYDESK_ENROLL_BY_SIGN_IN',
    unit: 'switch',
    default: 'on',
    example: 'off',
    description: 'Whether a person may enrol PCs by signing in, and so become their owner.',
    parse: values.oneOf('on', 'off'),
  }),
  enrollDevicesPerUser: variable({
    name: 'KEYDESK_ENROLL_DEVICES_PER_USER',
    unit: 'count',
    default: '20',
    example: '5',
    description: 'How many PCs of his own a person may enrol by signing in.',
    parse: values.integer({ min: 1, max: 100_000 }),
  }),
  stepUpSeconds: variable({
    name: 'KEYDESK_STEP_UP_AGE',
    unit: 'duration',
    default: '10m',
    example: '5m',
    description: 'How long ago a person may have signed in to be shown a recovery password.',
    parse: values.duration({ min: 30, max: DAY }),
  }),
  sessionIdleSeconds: variable({
    name: 'KEYDESK_SESSION_IDLE',
    unit: 'duration',
    default: '1h',
    example: '15m',
    description: 'A browser session that is not used for so long has ended.',
    parse: values.duration({ min: MINUTE, max: 30 * DAY }),
  }),
  sessionAbsoluteSeconds: variable({
    name: 'KEYDESK_SESSION_ABSOLUTE',
    unit: 'duration',
    default: '12h',
    example: '8h',
    description: 'A browser session ends after so long, however much it is used.',
    parse: values.duration({ min: 5 * MINUTE, max: 90 * DAY }),
  }),
} as const

/** They mean nothing for the built-in issuer: whoever sets one expects another. */
const OF_AN_ISSUER = (
  Object.keys(SIGN_IN_VARIABLES) as readonly (keyof typeof SIGN_IN_VARIABLES)[]
).filter((key) => SIGN_IN_VARIABLES[key].name.startsWith('KEYDESK_OIDC_') && key !== 'oidcIssuer')

/** What of the sign-in variables does not go together: a sentence each. Defaults are not set. */
export function signInProblems(env: Readonly<Record<string, string | undefined>>): string[] {
  const given = (key: keyof typeof SIGN_IN_VARIABLES): boolean =>
    (env[SIGN_IN_VARIABLES[key].name]?.trim() ?? '') !== ''
  if (!given('oidcIssuer')) {
    return OF_AN_ISSUER.filter(given).map(
      (key) =>
        `${SIGN_IN_VARIABLES[key].name} is set without KEYDESK_OIDC_ISSUER. Set both, or neither.`,
    )
  }
  const problems: string[] = []
  if (!given('oidcClientId')) {
    problems.push('KEYDESK_OIDC_CLIENT_ID is missing: KEYDESK_OIDC_ISSUER needs it.')
  }
  if (given('oidcClientSecretFile') === given('oidcPrivateKeyFile')) {
    problems.push(
      'KEYDESK_OIDC_ISSUER needs one of KEYDESK_OIDC_CLIENT_SECRET_FILE and ' +
        'KEYDESK_OIDC_PRIVATE_KEY_FILE.',
    )
  }
  return problems
}
