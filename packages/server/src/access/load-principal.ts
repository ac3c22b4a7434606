/**
 * From what a credential says (this user, this app) to an actor with what it may do now: the
 * directory is asked at every request, so whoever is disabled or loses a role is refused at once,
 * whatever credentials he still has.
 */

import { permissionsOfScopes } from '@keydesk/contract'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import type { AppActor, PrincipalActor, UserActor } from './actor.ts'
import { createGrants, type DevicePlace } from './grants.ts'
import { selectApp, selectUser } from './principal-queries.ts'
import { ACR_MFA } from './step-up-acr.ts'

/** What a session or an access token proves. */
export type Credential = UserCredential | AppCredential

export interface UserCredential {
  readonly type: 'user'
  readonly userId: string
  readonly authenticatedAt: Date | undefined
  readonly methods: readonly string[]
  readonly acr: string | undefined
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
  /** What the token was asked for, where that is less than everything that the app may do. */
  readonly scopes?: readonly string[] | undefined
  readonly issuedAt: Date
}

export interface LoadedPrincipal {
  readonly actor: PrincipalActor
  /** The device that was asked about; undefined where it does not exist. */
  readonly device: DevicePlace | undefined
  /** A person who has roles and signed in without the second factor that they need. */
  readonly lacksSecondFactor: boolean
}

export interface PrincipalDeps extends Pick<Deps, 'db' | 'clock'> {
  readonly config: Pick<Config, 'oidcIssuer'>
}

/**
 * With the device of the request, where it names one: everything that a decision needs comes at
 * once. Undefined: disabled, deleted or unknown, or the credential was revoked.
 */
export async function loadPrincipal(
  deps: PrincipalDeps,
  credential: Credential,
  deviceId?: string,
): Promise<LoadedPrincipal | undefined> {
  return credential.type === 'user'
    ? await loadUser(deps, credential, deviceId)
    : await loadApp(deps, credential, deviceId)
}

async function loadUser(
  deps: PrincipalDeps,
  credential: UserCredential,
  deviceId: string | undefined,
): Promise<LoadedPrincipal | undefined> {
  const { userId, scopes } = credential
  const user = await selectUser(deps.db, userId, { now: deps.clock.now(), deviceId })
  if (user === undefined || !user.is_active) return undefined
  if (isRevoked(credential.issuedAt, user.credentials_valid_after)) return undefined
  const lacksSecondFactor =
    user.assignments.length > 0 && !isStrongEnoughForRoles(deps.config, credential)
  const actor: UserActor = {
    type: 'user',
    id: userId,
    name: user.user_principal_name,
    displayName: user.display_name,
    authenticatedAt: credential.authenticatedAt,
    methods: credential.methods,
    acr: credential.acr,
    sessionId: credential.sessionId,
    grants: createGrants({
      // What is denied stays denied.
      assignments: lacksSecondFactor
        ? user.assignments.filter(({ effect }) => effect === 'deny')
        : user.assignments,
      narrowedTo: scopes === undefined ? 'everything' : permissionsOfScopes(scopes, 'delegated'),
    }),
  }
  return { actor, device: user.device, lacksSecondFactor }
}

/**
 * The sign-in pages ask whoever holds a role for a second factor, but a role can be given after the
 * sign-in. How strong a foreign issuer's sign-ins are is the business of its administrators.
 */
function isStrongEnoughForRoles(
  { oidcIssuer }: PrincipalDeps['config'],
  { acr }: UserCredential,
): boolean {
  return oidcIssuer !== undefined || acr === ACR_MFA
}

async function loadApp(
  deps: PrincipalDeps,
  credential: AppCredential,
  deviceId: string | undefined,
): Promise<LoadedPrincipal | undefined> {
  const { appId, scopes } = credential
  const app = await selectApp(deps.db, appId, { now: deps.clock.now(), deviceId })
  if (app === undefined || !app.is_enabled) return undefined
  if (isRevoked(credential.issuedAt, app.credentials_valid_after)) return undefined
  const covered = permissionsOfScopes(credential.appRoles ?? app.app_roles, 'application')
  const actor: AppActor = {
    type: 'app',
    id: appId,
    name: app.display_name,
    grants: createGrants({
      assignments: app.assignments,
      appPermissions: covered === 'everything' ? undefined : covered,
      narrowedTo: scopes === undefined ? 'everything' : permissionsOfScopes(scopes, 'application'),
    }),
  }
  return { actor, device: app.device, lacksSecondFactor: false }
}

/** Tokens name whole seconds, so one of the same second as the revocation is refused too. */
function isRevoked(issuedAt: Date, validAfter: Date | null): boolean {
  return validAfter !== null && issuedAt.getTime() <= validAfter.getTime()
}
