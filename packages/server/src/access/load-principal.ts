/**
 * From what a credential says (this user, this app) to an actor with what it may do now: the
 * directory is asked at every request, so whoever is disabled or loses a role is refused at once,
 * whatever credentials he still has.
 */

import { permissionsOfScopes } from '@keydesk/contract'
import type { Deps } from '../deps.ts'
import type { AppActor, PrincipalActor, UserActor } from './actor.ts'
import { createGrants } from './grants.ts'
import { selectApp, selectAssignments, selectUser } from './principal-queries.ts'

/** What a session or an access token proves. */
export type Credential = UserCredential | AppCredential

export interface UserCredential {
  readonly type: 'user'
  readonly userId: string
  readonly authenticatedAt: Date | undefined
  readonly methods: readonly string[]
  readonly sessionId: string | undefined
  /** Of an access token; undefined for a session, which may do all that the person may. */
  readonly scopes: readonly string[] | undefined
  /** When the credential was made: what is older than the user's last reset is refused. */
  readonly issuedAt: Date
}

export interface AppCredential {
  readonly type: 'app'
  readonly appId: string
  /**
   * App roles that an external issuer's token names; undefined where the registration here says.
   */
  readonly appRoles: readonly string[] | undefined
  readonly issuedAt: Date
}

/** Undefined: disabled, deleted or unknown, or the credential was revoked. */
export async function loadPrincipal(
  deps: Pick<Deps, 'db' | 'clock'>,
  credential: Credential,
): Promise<PrincipalActor | undefined> {
  return credential.type === 'user'
    ? await loadUser(deps, credential)
    : await loadApp(deps, credential)
}

async function loadUser(
  deps: Pick<Deps, 'db' | 'clock'>,
  credential: UserCredential,
): Promise<UserActor | undefined> {
  const now = deps.clock.now()
  const [user, assignments] = await Promise.all([
    selectUser(deps.db, credential.userId),
    selectAssignments(deps.db, { userId: credential.userId }, now),
  ])
  if (user === undefined || !user.is_active) return undefined
  if (isRevoked(credential.issuedAt, user.credentials_valid_after)) return undefined
  const { scopes } = credential
  return {
    type: 'user',
    id: user.id,
    name: user.user_principal_name,
    displayName: user.display_name,
    authenticatedAt: credential.authenticatedAt,
    methods: credential.methods,
    sessionId: credential.sessionId,
    grants: createGrants({
      assignments,
      narrowedTo: scopes === undefined ? 'everything' : permissionsOfScopes(scopes, 'delegated'),
    }),
  }
}

async function loadApp(
  deps: Pick<Deps, 'db' | 'clock'>,
  credential: AppCredential,
): Promise<AppActor | undefined> {
  const now = deps.clock.now()
  const [app, assignments] = await Promise.all([
    selectApp(deps.db, credential.appId),
    selectAssignments(deps.db, { appId: credential.appId }, now),
  ])
  if (app === undefined || !app.is_enabled) return undefined
  if (isRevoked(credential.issuedAt, app.credentials_valid_after)) return undefined
  const covered = permissionsOfScopes(credential.appRoles ?? app.app_roles, 'application')
  return {
    type: 'app',
    id: app.id,
    name: app.display_name,
    grants: createGrants({
      assignments,
      appPermissions: covered === 'everything' ? undefined : covered,
      narrowedTo: 'everything',
    }),
  }
}

/** Tokens name whole seconds, so one of the same second as the revocation is refused too. */
function isRevoked(issuedAt: Date, validAfter: Date | null): boolean {
  return validAfter !== null && issuedAt.getTime() <= validAfter.getTime()
}
