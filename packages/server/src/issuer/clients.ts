/**
 * The programs that are part of Keydesk, as clients of the built-in issuer. Programs of others are
 * app registrations (`app-client.ts`).
 */

import { createHmac } from 'node:crypto'
import { API_SCOPES, type ApiScope } from '@keydesk/contract'
import type { ClientMetadata } from 'oidc-provider'
import type { Deps } from '../deps.ts'
import { Secret } from '../http/secret.ts'
import { derivedKey } from '../vault/derived-key.ts'

export const PORTAL_CLIENT_ID = 'keydesk-portal'
export const CLI_CLIENT_ID = 'keydesk-cli'
export const AGENT_CLIENT_ID = 'keydesk-agent'

const SECRET_LABEL = 'keydesk portal-client-secret v1'
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

/** What the portal's sign-in needs to be a client of the built-in issuer. */
export interface PortalClient {
  readonly clientId: string
  readonly clientSecret: Secret<string>
  readonly redirectUri: string
  readonly postLogoutRedirectUri: string
}

/** The secret follows from the vault key: every server knows it, and it is stored nowhere. */
export function portalClient({ config, keyring }: Pick<Deps, 'config' | 'keyring'>): PortalClient {
  const secret = createHmac('sha256', derivedKey(keyring, SECRET_LABEL)).update(PORTAL_CLIENT_ID)
  return {
    clientId: PORTAL_CLIENT_ID,
    clientSecret: new Secret(secret.digest('base64url')),
    redirectUri: `${config.origin}/sign-in/callback`,
    postLogoutRedirectUri: `${config.origin}/sign-out/done`,
  }
}

/**
 * None where people sign in at another issuer: then nobody gets in by an account of this server.
 * Apps are clients in any case.
 */
export function ownClients(deps: Pick<Deps, 'config' | 'keyring'>): ClientMetadata[] {
  if (deps.config.oidcIssuer !== undefined) return []
  const portal = portalClient(deps)
  const program = {
    token_endpoint_auth_method: 'none',
    response_types: [],
    redirect_uris: [],
  } as const
  return [
    {
      client_id: portal.clientId,
      client_name: 'Keydesk portal',
      client_secret: portal.clientSecret.reveal(),
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      // Another mode would need an inline script.
      response_modes: ['query'],
      redirect_uris: [portal.redirectUri],
      post_logout_redirect_uris: [portal.postLogoutRedirectUri],
      require_auth_time: true,
    },
    {
      client_id: CLI_CLIENT_ID,
      client_name: 'Keydesk command line',
      grant_types: [DEVICE_GRANT, 'refresh_token'],
      ...program,
    },
    {
      client_id: AGENT_CLIENT_ID,
      client_name: 'Keydesk agent',
      grant_types: [DEVICE_GRANT],
      ...program,
    },
  ]
}

/** Scopes of the API that a client may ask for; for an app all that apps can have. */
export function scopesOfClient(clientId: string, origin: string): readonly string[] {
  switch (clientId) {
    case PORTAL_CLIENT_ID:
      // Its requests carry the session.
      return []
    case CLI_CLIENT_ID:
      return scopesOfKind('delegated')
    case AGENT_CLIENT_ID:
      return ['Keydesk.EnrollDevice']
    default:
      return [...scopesOfKind('application'), defaultScope(origin)]
  }
}

/** Entra's way of asking for everything that an app was given. */
export function defaultScope(origin: string): string {
  return `${origin}/.default`
}

function scopesOfKind(kind: ApiScope['kinds'][number]): string[] {
  const scopes: Readonly<Record<string, ApiScope>> = API_SCOPES
  return Object.entries(scopes).flatMap(([name, { kinds }]) => (kinds.includes(kind) ? [name] : []))
}
