/**
 * What an access token says besides the standard claims (docs/spec/access-tokens.md): of a person
 * when and how he signed in, of a program what it was given.
 */

import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import { selectAppRoles } from '../apps/client-queries.ts'
import type { Deps } from '../deps.ts'
import { defaultScope } from './clients.ts'

/** Either kind of access token of the library. */
interface IssuedToken {
  readonly kind: string
  readonly clientId?: string | undefined
  readonly scope?: string | undefined
}

export async function tokenClaims(
  deps: Pick<Deps, 'db' | 'config'>,
  ctx: KoaContextWithOIDC,
  token: IssuedToken,
): Promise<Record<string, unknown>> {
  return token.kind === 'ClientCredentials'
    ? await appClaims(deps, ctx, token)
    : { idtyp: 'user', ...signInClaims(ctx) }
}

/** Also after a refresh they tell of the sign-in itself: a refresh proves nothing new. */
function signInClaims({ oidc }: KoaContextWithOIDC): Record<string, unknown> {
  const { AuthorizationCode: code, DeviceCode: device, RefreshToken: refresh } = oidc.entities
  const { authTime, acr, amr } = code ?? device ?? refresh ?? {}
  return {
    ...(authTime === undefined ? {} : { auth_time: authTime }),
    ...(acr === undefined ? {} : { acr }),
    ...(amr === undefined ? {} : { amr }),
  }
}

/**
 * `roles`: what was given to the app, or the part of it that this token was asked for. `scope` says
 * what a token is narrowed to; none, or `…/.default`, is all. Throws the protocol's errors.
 */
async function appClaims(
  { db, config }: Pick<Deps, 'db' | 'config'>,
  { oidc }: KoaContextWithOIDC,
  token: IssuedToken,
): Promise<Record<string, unknown>> {
  const given = token.scope?.split(' ') ?? []
  const refused = [...oidc.requestParamScopes].find((scope) => !given.includes(scope))
  if (refused !== undefined) {
    throw new errors.InvalidScope('no app can have this scope', refused)
  }
  const roles = await selectAppRoles(db, token.clientId ?? '')
  const isAll = given.length === 0 || given.includes(defaultScope(config.origin))
  return { idtyp: 'app', roles: isAll ? roles : roles.filter((role) => given.includes(role)) }
}
