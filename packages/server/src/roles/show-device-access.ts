/**
 * Who could do something with one device, and why: by role, directly or through a group, by app
 * role, or as its owner. Groups are given by their members; disabled people and programs are left
 * out, since they can do nothing.
 */

import {
  API_SCOPES,
  BUILT_IN_ROLES,
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
import { selectAccessors, type AccessorRow } from './access-queries.ts'
import { appRoleReason, assignmentReason } from './access-reason.ts'

const KEY = 'microsoft.directory/bitlockerKeys/key/read'

export async function showDeviceAccess(
  deps: Deps,
  deviceId: string,
  query: DeviceAccessQuery,
): Promise<DeviceAccessPage> {
  const permission = query.permission ?? KEY
  const appRoles = appRolesWith(permission)
  const limit = pageLimit(query.limit)
  const now = deps.clock.now()
  const rows = await selectAccessors(deps.db, {
    deviceId,
    permission,
    builtInRoleIds: BUILT_IN_ROLES.filter((role) => role.permissions.includes(permission)).map(
      ({ id }) => id,
    ),
    appRoles,
    includesOwner: permission === KEY,
    now,
    after: decodeNameCursor(query.after),
    limit: limit + 1,
  })
  const owner = rows.find(({ is_owner }) => is_owner)
  const verdict =
    owner && (await selfServiceVerdict(deps.db, { userId: owner.principal_id, deviceId }, now))
  const page = pageOf(rows, limit, {
    item: (row) => toAccessor(row, new Set(appRoles), row.is_owner ? verdict : undefined),
    key: (row) => [row.sort_name, row.principal_id],
  })
  return { permission, ...page }
}

/** In lower case: app roles compare without regard to it. */
function appRolesWith(permission: PermissionName): string[] {
  return Object.keys(API_SCOPES)
    .filter((name) => {
      const covered = permissionsOfScopes([name], 'application')
      return covered !== 'everything' && covered.has(permission)
    })
    .map((name) => name.toLowerCase())
}

function toAccessor(
  row: AccessorRow,
  appRoles: ReadonlySet<string>,
  /** Of self-service, about the owner. */
  verdict: SelfServiceVerdict | undefined,
): DeviceAccessPage['items'][number] {
  const held = row.app_roles.filter((name) => appRoles.has(name.toLowerCase()))
  const byRole: AccessReason[] = [
    ...row.reasons.filter(({ effect }) => effect === 'allow').map(assignmentReason),
    ...held.map(appRoleReason),
  ]
  const denies = row.reasons.filter(({ effect }) => effect === 'deny').map(assignmentReason)
  const byOwnership: AccessReason[] = verdict?.isAllowed === true ? [{ by: 'ownership' }] : []
  const refused: AccessReason[] =
    verdict?.isAllowed === false ? [{ by: 'ownership', refusal: verdict.detail }] : []
  return {
    principal: {
      id: row.principal_id,
      type: row.principal_type,
      displayName: row.display_name,
      ...(row.user_principal_name === null ? {} : { userPrincipalName: row.user_principal_name }),
    },
    // A deny of a role is about roles: what the owner may do is not one.
    isAllowed: byOwnership.length > 0 || (byRole.length > 0 && denies.length === 0),
    allowedBy: [...byRole, ...byOwnership],
    deniedBy: [...denies, ...refused],
  }
}
