/** Who asks and what he may do now, so that the portal shows only what works. */

import { PERMISSION_NAMES, isPermissionName, type Me } from '@keydesk/contract'
import type { PrincipalActor, UserActor } from '../access/actor.ts'
import { reachesAny, type Assignment } from '../access/grants.ts'
import { selectApp, selectUser } from '../access/principal-queries.ts'
import { stepUpAcrValues } from '../access/step-up-acr.ts'
import type { Deps } from '../deps.ts'
import { scopeText } from '../roles/scope-text.ts'
import { csrfToken } from './session-secret.ts'

type MeDeps = Pick<Deps, 'db' | 'clock' | 'config' | 'keyring'>

export async function showMe(deps: MeDeps, actor: PrincipalActor): Promise<Me> {
  const at = { now: deps.clock.now(), deviceId: undefined }
  const held =
    actor.type === 'user'
      ? await selectUser(deps.db, actor.id, at)
      : await selectApp(deps.db, actor.id, at)
  return {
    type: actor.type,
    id: actor.id,
    name: actor.name,
    roles: (held?.assignments ?? []).map(toRole),
    permissions: Object.keys(PERMISSION_NAMES).filter(
      (name) => isPermissionName(name) && reachesAny(actor.grants.reach(name)),
    ),
    ...(actor.type === 'user' ? personal(deps, actor) : {}),
  }
}

function toRole({ roleId, effect, scope }: Assignment): Me['roles'][number] {
  return { roleId, effect, scope: scopeText(scope.type, 'id' in scope ? scope.id : null) }
}

function personal(deps: MeDeps, actor: UserActor): Partial<Me> {
  const { authenticatedAt, sessionId } = actor
  const stepUpUntil = stepUpEnd(deps, actor)
  return {
    displayName: actor.displayName,
    methods: [...actor.methods],
    ...(authenticatedAt === undefined ? {} : { authenticatedAt: authenticatedAt.toISOString() }),
    ...(stepUpUntil === undefined ? {} : { stepUpUntil: stepUpUntil.toISOString() }),
    ...(sessionId === undefined
      ? {}
      : { session: { id: sessionId, csrfToken: csrfToken(deps.keyring, sessionId) } }),
  }
}

/** As `requireRecentSignIn` will judge it. */
function stepUpEnd({ config, clock }: MeDeps, actor: UserActor): Date | undefined {
  const acrValues = stepUpAcrValues(config)
  const isStrong = acrValues.length === 0 || acrValues.includes(actor.acr ?? '')
  if (!isStrong || actor.authenticatedAt === undefined) return undefined
  const until = new Date(actor.authenticatedAt.getTime() + config.stepUpSeconds * 1000)
  return until > clock.now() ? until : undefined
}
