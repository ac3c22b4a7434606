/**
 * What one user or app can do, and why: every permission that one of its role assignments or app
 * roles allows or denies. Judged by the same `createGrants` as its requests.
 */

import {
  PERMISSION_NAMES,
  ROLE_PERMISSIONS,
  builtInRole,
  permissionsOfScopes,
  type AccessReason,
  type PermissionName,
  type PrincipalAccess,
} from '@keydesk/contract'
import {
  createGrants,
  reachesAny,
  reachesEverywhere,
  type Assignment,
  type AssignmentScope,
  type Grants,
} from '../access/grants.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { selectHolder, selectReasons, type ReasonRow } from './access-queries.ts'
import { appRoleReason, assignmentReason } from './access-reason.ts'
import { parseScope, scopeText } from './scope-text.ts'
import { whatDenies } from './ways-to-keys.ts'

interface Reason {
  readonly shown: AccessReason
  readonly effect: 'allow' | 'deny'
  readonly permissions: ReadonlySet<string>
}

/** Throws AppError NOT_FOUND. */
export async function showPrincipalAccess(
  deps: Deps,
  type: 'user' | 'app',
  id: string,
): Promise<PrincipalAccess> {
  const [holder, rows] = await Promise.all([
    selectHolder(deps.db, type, id),
    selectReasons(deps.db, id, deps.clock.now()),
  ])
  if (holder === undefined) throw new AppError('NOT_FOUND', `There is no ${type} with this ID.`)
  const appPermissions = permissionsOfScopes(holder.app_roles, 'application')
  const grants = createGrants({
    assignments: rows.map(toAssignment),
    appPermissions: appPermissions === 'everything' ? undefined : appPermissions,
    narrowedTo: 'everything',
  })
  const reasons: Reason[] = [
    ...rows.map((row) => ({
      shown: assignmentReason(row),
      effect: row.effect,
      permissions: new Set<string>(builtInRole(row.role_id)?.permissions ?? row.permissions ?? []),
    })),
    ...holder.app_roles.map((appRole) => ({
      shown: appRoleReason(appRole),
      effect: 'allow' as const,
      permissions: asSet(permissionsOfScopes([appRole], 'application')),
    })),
  ]
  const places = (effect: Reason['effect'], ...about: readonly PermissionName[]): number[] =>
    reasons.flatMap((reason, place) =>
      reason.effect === effect && about.some((name) => reason.permissions.has(name)) ? [place] : [],
    )
  return {
    isActive: holder.is_active,
    reasons: reasons.map(({ shown }) => shown),
    permissions: asked(appPermissions)
      .map((permission) => ({
        permission,
        description: PERMISSION_NAMES[permission],
        reach: reachOf(grants, permission),
        allowedBy: places('allow', permission),
        deniedBy: places('deny', ...whatDenies(permission)),
      }))
      .filter(({ allowedBy, deniedBy }) => allowedBy.length + deniedBy.length > 0),
  }
}

/** App roles may give what no role gives. */
function asked(appPermissions: ReadonlySet<PermissionName> | 'everything'): PermissionName[] {
  return [...new Set([...ROLE_PERMISSIONS, ...asSet(appPermissions)])] as PermissionName[]
}

function asSet(permissions: ReadonlySet<PermissionName> | 'everything'): ReadonlySet<string> {
  return permissions === 'everything' ? new Set() : permissions
}

function reachOf(
  grants: Grants,
  permission: PermissionName,
): PrincipalAccess['permissions'][number]['reach'] {
  // A deny of single devices changes none of the three answers.
  const isDenied = whatDenies(permission).some((name) => grants.reach(name).denied.everywhere)
  if (isDenied) return 'nothing'
  const reach = grants.reach(permission)
  if (reachesEverywhere(reach)) return 'everything'
  return reachesAny(reach) ? 'some' : 'nothing'
}

function toAssignment(row: ReasonRow): Assignment {
  const scope: AssignmentScope = parseScope(scopeText(row.scope_type, row.scope_id))
  return {
    roleId: row.role_id,
    effect: row.effect,
    scope,
    customPermissions: row.permissions ?? undefined,
  }
}
