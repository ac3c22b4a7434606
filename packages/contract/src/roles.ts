/**
 * `/api/v1/roles` and `/api/v1/role-assignments`: sets of permissions, and who holds which for what.
 * Built-in roles are constants (`built-in-roles.ts`); custom ones are made here.
 */
import { Type, type Static } from 'typebox'
import { Guid, Name, NextAfter, OneOf, PageQuery, StrictObject, Timestamp } from './fields.ts'
import { LIMITS } from './limits.ts'
import { PERMISSION_NAMES, type PermissionName } from './permission-names.ts'

/**
 * What a role cannot give, because it is not given by roles: what anybody may do, what a device may
 * do for itself, what whoever signed in may do for himself, and SCIM's own tokens.
 */
const NOT_BY_ROLE =
  /^keydesk\/(health|metrics|portal|signIn|devices\/enroll|ownDevice|me|provisioning\/use)(\/|$)/

/** The permissions that roles are made of. */
export const ROLE_PERMISSIONS = (Object.keys(PERMISSION_NAMES) as PermissionName[]).filter(
  (name) => !NOT_BY_ROLE.test(name),
)

const DisplayName = Name(LIMITS.displayNameLengthMax, 'Name; unique in any case of letters')
const Description = Name(LIMITS.descriptionLengthMax, 'What the role is for')
const Permissions = Type.Array(OneOf(ROLE_PERMISSIONS, 'Permission'), {
  minItems: 1,
  maxItems: ROLE_PERMISSIONS.length,
  uniqueItems: true,
  description: 'What its holders may do',
})

export const CreateRole = StrictObject({
  displayName: DisplayName,
  description: Type.Optional(Description),
  permissions: Permissions,
})
export type CreateRole = Static<typeof CreateRole>

/** What is absent stays as it is. */
export const ChangeRole = StrictObject({
  displayName: Type.Optional(DisplayName),
  description: Type.Optional(
    Type.Union([Description, Type.Null({ description: 'Takes it away' })]),
  ),
  permissions: Type.Optional(Permissions),
})
export type ChangeRole = Static<typeof ChangeRole>

export const Role = StrictObject({
  id: Guid('Role; for a built-in one the template ID that Entra has for it'),
  displayName: Type.String({ description: 'Name' }),
  description: Type.Optional(Type.String({ description: 'What it is for' })),
  isBuiltIn: Type.Boolean({ description: 'Built-in roles cannot be changed' }),
  permissions: Type.Array(Type.String(), { description: 'What its holders may do' }),
  createdAt: Type.Optional(Timestamp('When a custom role was made')),
  updatedAt: Type.Optional(Timestamp('When a custom role last changed')),
})
export type Role = Static<typeof Role>

/** Built-in roles first, on the first page; then custom ones by name. */
export const RoleQuery = StrictObject(PageQuery)
export type RoleQuery = Static<typeof RoleQuery>
export const RolePage = StrictObject({ items: Type.Array(Role), nextAfter: NextAfter })
export type RolePage = Static<typeof RolePage>
export const RoleParams = StrictObject({ roleId: Guid('Role') })
export type RoleParams = Static<typeof RoleParams>

const GUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'

export const Scope = Type.String({
  pattern: `^/((administrativeUnits|devices)/${GUID})?$`,
  maxLength: 60,
  description: '`/` (everything), `/administrativeUnits/{id}` or `/devices/{id}`, as in Graph',
})

const Effect = OneOf(['allow', 'deny'], 'A deny wins over every allow')

export const CreateRoleAssignment = StrictObject({
  principalId: Guid('User, group or app'),
  roleId: Guid('Role'),
  effect: Type.Optional(OneOf(['allow', 'deny'], '`allow` if absent; a deny wins')),
  scope: Scope,
  expiresAt: Type.Optional(Timestamp('When it ends; absent for one without an end')),
})
export type CreateRoleAssignment = Static<typeof CreateRoleAssignment>

export const ChangeRoleAssignment = StrictObject({
  expiresAt: Type.Union([
    Timestamp('When it ends'),
    Type.Null({ description: 'It has no end any more' }),
  ]),
})
export type ChangeRoleAssignment = Static<typeof ChangeRoleAssignment>

export const PrincipalType = OneOf(['user', 'group', 'app'], 'What holds the role')

export const RoleAssignment = StrictObject({
  id: Guid('Role assignment'),
  principal: StrictObject({
    id: Guid('User, group or app'),
    type: PrincipalType,
    displayName: Type.String({ description: 'Name' }),
    userPrincipalName: Type.Optional(Type.String({ description: 'Of a user' })),
  }),
  role: StrictObject({ id: Guid('Role'), displayName: Type.String({ description: 'Name' }) }),
  effect: Effect,
  scope: Scope,
  scopeName: Type.Optional(
    Type.String({ description: 'Name of the administrative unit or the device' }),
  ),
  state: OneOf(['active', 'expired'], 'An expired one gives and denies nothing'),
  createdAt: Timestamp('When it was made'),
  expiresAt: Type.Optional(Timestamp('When it ends')),
})
export type RoleAssignment = Static<typeof RoleAssignment>

export const RoleAssignmentQuery = StrictObject({
  ...PageQuery,
  principalId: Type.Optional(Guid('Only those of this user, group or app itself')),
  roleId: Type.Optional(Guid('Only those of this role')),
  scope: Type.Optional(Scope),
})
export type RoleAssignmentQuery = Static<typeof RoleAssignmentQuery>
export const RoleAssignmentPage = StrictObject({
  items: Type.Array(RoleAssignment),
  nextAfter: NextAfter,
})
export type RoleAssignmentPage = Static<typeof RoleAssignmentPage>
export const RoleAssignmentParams = StrictObject({ roleAssignmentId: Guid('Role assignment') })
export type RoleAssignmentParams = Static<typeof RoleAssignmentParams>
