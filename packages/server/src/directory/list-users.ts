/** Users as the API shows them: the list, and all that is known of one. */

import {
  LIMITS,
  type User,
  type UserDetail,
  type UserPage,
  type UserQuery,
} from '@keydesk/contract'
import type { PrincipalActor } from '../access/actor.ts'
import { reachesEverywhere } from '../access/grants.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { decodeNameCursor, pageLimit, pageOf } from '../http/page-cursor.ts'
import {
  selectAssignmentsOfUser,
  selectGroupsOfUser,
  selectOwnedDevices,
  selectUser,
  selectUsers,
  type UserAssignmentRow,
  type UserRow,
} from './user-queries.ts'

export async function listUsers(deps: Deps, query: UserQuery): Promise<UserPage> {
  const limit = pageLimit(query.limit)
  const rows = await selectUsers(deps.db, {
    search: query.search,
    isActive: query.isActive === undefined ? undefined : query.isActive === 'true',
    groupId: query.groupId,
    after: decodeNameCursor(query.after),
    limit: limit + 1,
  })
  return pageOf(rows, limit, { item: toUser, key: (row) => [row.sort_name, row.id] })
}

/** Groups, devices and roles as far as the principal may see them. Throws AppError NOT_FOUND. */
export async function showUser(
  deps: Deps,
  { grants }: PrincipalActor,
  userId: string,
): Promise<UserDetail> {
  const maySee = (permission: Parameters<typeof grants.reach>[0]): boolean =>
    reachesEverywhere(grants.reach(permission))
  const limit = LIMITS.pageSizeMax
  const [user, groups, devices, assignments] = await Promise.all([
    selectUser(deps.db, userId),
    maySee('microsoft.directory/groups/standard/read')
      ? selectGroupsOfUser(deps.db, userId, limit)
      : undefined,
    selectOwnedDevices(deps.db, { userId, limit, reaches: ownedDeviceReaches(grants) }),
    maySee('microsoft.directory/roleAssignments/standard/read')
      ? selectAssignmentsOfUser(deps.db, userId, deps.clock.now())
      : undefined,
  ])
  if (user === undefined) throw unknownUser()
  return {
    ...toUser(user),
    ...(groups === undefined
      ? {}
      : { groups: groups.map(({ id, display_name }) => ({ id, displayName: display_name })) }),
    devices: devices.map(({ id, name }) => ({ id, name })),
    ...(assignments === undefined ? {} : { roleAssignments: assignments.map(toAssignment) }),
  }
}

/** Whoever is told that a device is somebody's must be allowed to see the device and its owner. */
export function ownedDeviceReaches(grants: PrincipalActor['grants']) {
  return [
    grants.reach('microsoft.directory/devices/standard/read'),
    grants.reach('microsoft.directory/devices/registeredOwners/read'),
  ]
}

export function unknownUser(): AppError {
  return new AppError('NOT_FOUND', 'There is no user with this ID.')
}

export function toUser(row: UserRow): User {
  return {
    id: row.id,
    userPrincipalName: row.user_principal_name,
    displayName: row.display_name,
    ...(row.given_name === null ? {} : { givenName: row.given_name }),
    ...(row.family_name === null ? {} : { familyName: row.family_name }),
    ...(row.mail === null ? {} : { mail: row.mail }),
    ...(row.department === null ? {} : { department: row.department }),
    isActive: row.is_active,
    // The CHECK of the table lets in only what the contract names.
    source: row.source as User['source'],
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}

function toAssignment(row: UserAssignmentRow): NonNullable<UserDetail['roleAssignments']>[number] {
  return {
    id: row.id,
    roleId: row.role_id,
    effect: row.effect,
    scope: scopeText(row),
    ...(row.group_id === null ? {} : { groupId: row.group_id }),
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at.toISOString() }),
  }
}

function scopeText({ scope_type, scope_id }: UserAssignmentRow): string {
  if (scope_type === 'directory') return '/'
  return `/${scope_type === 'device' ? 'devices' : 'administrativeUnits'}/${scope_id}`
}
