/**
 * Who could do something with a device, and what somebody can do: both with the reason. Computed
 * from the same assignments as every decision; a test compares the two.
 */
import { Type, type Static } from 'typebox'
import { Guid, NextAfter, OneOf, PageQuery, StrictObject, Timestamp } from './fields.ts'
import { PERMISSIONS, type RoutePermission } from './permissions.ts'
import type { PermissionName } from './permission-names.ts'
import { Scope } from './roles.ts'

const rows: readonly RoutePermission[] = Object.values(PERMISSIONS)

/** Those that can be held for single devices: what some route about devices asks for. */
export const DEVICE_PERMISSIONS: readonly PermissionName[] = [
  ...new Set(
    rows
      .filter(({ audience }) => audience === 'devices')
      .flatMap(({ permission, orPermission }) => [permission, orPermission ?? permission]),
  ),
].toSorted()

/** Why: a role assignment, or the app role of a program, or the ownership of the device. */
export const AccessReason = StrictObject({
  by: OneOf(['roleAssignment', 'appRole', 'ownership'], 'What gives or denies it'),
  roleAssignmentId: Type.Optional(Guid('The role assignment')),
  role: Type.Optional(
    StrictObject({ id: Guid('Role'), displayName: Type.String({ description: 'Its name' }) }),
  ),
  scope: Type.Optional(Scope),
  scopeName: Type.Optional(
    Type.String({ description: 'Name of the administrative unit or the device' }),
  ),
  expiresAt: Type.Optional(Timestamp('When the role assignment ends')),
  group: Type.Optional(
    StrictObject(
      { id: Guid('Group'), displayName: Type.String({ description: 'Its name' }) },
      { description: 'The group that holds the role; absent if it is the own role' },
    ),
  ),
  appRole: Type.Optional(Type.String({ description: 'Such as `BitlockerKey.Read.All`' })),
  withApproval: Type.Optional(
    Type.Boolean({ description: 'true: about being shown keys with an approval only' }),
  ),
  refusal: Type.Optional(
    Type.String({ description: 'Which condition of self-service the owner does not meet now' }),
  ),
})
export type AccessReason = Static<typeof AccessReason>

export const DeviceAccessQuery = StrictObject({
  ...PageQuery,
  permission: Type.Optional(
    OneOf(DEVICE_PERMISSIONS, 'To do what; to be shown its recovery passwords if absent'),
  ),
})
export type DeviceAccessQuery = Static<typeof DeviceAccessQuery>

export const DeviceAccessPage = StrictObject({
  permission: Type.String({ description: 'What it is about' }),
  items: Type.Array(
    StrictObject({
      principal: StrictObject({
        id: Guid('User or app'),
        type: OneOf(['user', 'app'], 'Groups are given by their members'),
        displayName: Type.String({ description: 'Name' }),
        userPrincipalName: Type.Optional(Type.String({ description: 'Of a user' })),
      }),
      isAllowed: Type.Boolean({ description: 'False where a deny takes away what others give' }),
      onlyWithApproval: Type.Optional(
        Type.Boolean({
          description: 'true: is shown keys, but never without an approval by a second person',
        }),
      ),
      allowedBy: Type.Array(AccessReason),
      deniedBy: Type.Array(AccessReason, {
        description:
          'Denies of roles, which take away what roles give; and why self-service refuses the owner',
      }),
    }),
    {
      description:
        'Everybody whom anything allows it, and the owner: active users and enabled apps. A token of theirs may be narrower',
    },
  ),
  nextAfter: NextAfter,
})
export type DeviceAccessPage = Static<typeof DeviceAccessPage>

export const PrincipalAccess = StrictObject({
  isActive: Type.Boolean({
    description: 'False: disabled, so he can do nothing now; what follows is what he could',
  }),
  reasons: Type.Array(AccessReason, { description: 'All role assignments and app roles' }),
  permissions: Type.Array(
    StrictObject({
      permission: Type.String({ description: 'Permission' }),
      description: Type.String({ description: 'What it lets do' }),
      reach: OneOf(
        ['everything', 'some', 'nothing'],
        '`some`: the scopes of `allowedBy`; a deny may still take single devices away from either; `nothing`: denied as a whole',
      ),
      allowedBy: Type.Array(Type.Integer(), { description: 'Places in `reasons`, from 0' }),
      deniedBy: Type.Array(Type.Integer(), { description: 'Places in `reasons`, from 0' }),
    }),
    { description: 'Every permission that something allows or denies' },
  ),
})
export type PrincipalAccess = Static<typeof PrincipalAccess>

export const UserAccessParams = StrictObject({ userId: Guid('User') })
export const AppAccessParams = StrictObject({ appId: Guid('App') })
