/**
 * Who could do something with one device, and why: by role, directly or through a group, by app
 * role, or as its owner. Groups are given by their members; disabled people and programs are left
 * out, since they can do nothing.
 *
 * Who could be shown its keys is everybody who could, also those who need an approval each time.
 */

import {
  API_SCOPES,
  BUILT_IN_ROLES,
  builtInRole,
  permissionsOfScopes,
  type AccessReason,
  type DeviceAccessPage,
  type DeviceAccessQuery,
  type PermissionName,
} from '@keydesk/contract'
import type { Deps } from '../deps.ts'
import { decodeNameCursor, pageLimit, pageOf } from '../http/page-cursor.ts'
import {
  selfServiceVerdict,
  type SelfServiceVerdict,
} from '../self-service/self-service-verdict.ts'
import { selectAccessors, type AccessorRow, type AnyOf } from './access-queries.ts'
import { appRoleReason, assignmentReason } from './access-reason.ts'
import { READ_KEY, whatAllows, whatDenies } from './ways-to-keys.ts'

export async function showDeviceAccess(
  deps: Deps,
  deviceId: string,
  query: DeviceAccessQuery,
): Promise<DeviceAccessPage> {
  const permission = query.permission ?? READ_KEY
  const ways = whatAllows(permission)
  const limit = pageLimit(query.limit)
  const now = deps.clock.now()
  const rows = await selectAccessors(deps.db, {
    deviceId,
    allowed: anyOf(ways),
    denied: anyOf(ways.flatMap(whatDenies)),
    appRoles: appRolesWith(ways),
    includesOwner: permission === READ_KEY,
    now,
    after: decodeNameCursor(query.after),
    limit: limit + 1,
  })
  const owner = rows.find(({ is_owner }) => is_owner)
  const verdict =
    owner && (await selfServiceVerdict(deps.db, { userId: owner.principal_id, deviceId }, now))
  const page = pageOf(rows, limit, {
    item: (row) => toAccessor(row, permission, row.is_owner ? verdict : undefined),
    key: (row) => [row.sort_name, row.principal_id],
  })
  return { permission, ...page }
}

function anyOf(permissions: readonly PermissionName[]): AnyOf {
  const roles = BUILT_IN_ROLES.filter((role) => holdsAny(role.permissions, permissions))
  return { permissions, builtInRoleIds: roles.map(({ id }) => id) }
}

function holdsAny(held: readonly string[], wanted: readonly PermissionName[]): boolean {
  return wanted.some((permission) => held.includes(permission))
}

/** In lower case: app roles compare without regard to it. */
function appRolesWith(permissions: readonly PermissionName[]): string[] {
  return Object.keys(API_SCOPES)
    .filter((name) => holdsAny(permissionsOf(name), permissions))
    .map((name) => name.toLowerCase())
}

function permissionsOf(appRole: string): readonly string[] {
  const covered = permissionsOfScopes([appRole], 'application')
  return covered === 'everything' ? [] : [...covered]
}

/** One thing that allows or denies, with all the permissions that it is about. */
interface Held {
  readonly reason: AccessReason
  readonly permissions: readonly string[]
}

function toAccessor(
  row: AccessorRow,
  permission: PermissionName,
  /** Of self-service, about the owner. */
  verdict: SelfServiceVerdict | undefined,
): DeviceAccessPage['items'][number] {
  const { allows, denies } = heldBy(row)
  const ways = whatAllows(permission)
  const isOpen = (way: PermissionName): boolean =>
    allows.some(({ permissions }) => permissions.includes(way)) &&
    !denies.some(({ permissions }) => holdsAny(permissions, whatDenies(way)))
  const about = (all: readonly Held[], names: readonly PermissionName[]): AccessReason[] =>
    all
      .filter(({ permissions }) => holdsAny(permissions, names))
      .map(({ reason, permissions }) =>
        permission === READ_KEY && !permissions.includes(permission)
          ? { ...reason, withApproval: true }
          : reason,
      )
  const byOwnership: AccessReason[] = verdict?.isAllowed === true ? [{ by: 'ownership' }] : []
  const refused: AccessReason[] =
    verdict?.isAllowed === false ? [{ by: 'ownership', refusal: verdict.detail }] : []
  // A deny of a role is about roles: what the owner may do is not one.
  const isAllowedAtOnce = byOwnership.length > 0 || isOpen(permission)
  const isAllowed = isAllowedAtOnce || ways.some(isOpen)
  return {
    principal: {
      id: row.principal_id,
      type: row.principal_type,
      displayName: row.display_name,
      ...(row.user_principal_name === null ? {} : { userPrincipalName: row.user_principal_name }),
    },
    isAllowed,
    ...(isAllowed && !isAllowedAtOnce ? { onlyWithApproval: true } : {}),
    allowedBy: [...about(allows, ways), ...byOwnership],
    deniedBy: [...about(denies, ways.flatMap(whatDenies)), ...refused],
  }
}

function heldBy(row: AccessorRow): { allows: Held[]; denies: Held[] } {
  const withEffect = (wanted: 'allow' | 'deny'): Held[] =>
    row.reasons
      .filter(({ effect }) => effect === wanted)
      .map((reason) => ({
        reason: assignmentReason(reason),
        permissions: builtInRole(reason.role_id)?.permissions ?? reason.permissions ?? [],
      }))
  const byAppRole = row.app_roles.map((name) => ({
    reason: appRoleReason(name),
    permissions: permissionsOf(name),
  }))
  return { allows: [...withEffect('allow'), ...byAppRole], denies: withEffect('deny') }
}
