/**
 * Who may call what: every route with the permission it needs, in one table (promise P8). A route
 * that is not here does not start. The server enforces it, a test compares the server's real
 * answers with it, and the portal hides what it forbids.
 */
import type { PermissionName } from './permission-names.ts'

/**
 * How a route judges its caller:
 * - `everyone`: anybody; the route itself says no more than anybody may know
 * - `device`: a device, by its signed request, for itself only
 * - `user`: a person who signed in, for himself only
 * - `signedIn`: a person or a program, for itself only
 * - `directory`: a person or program that has the permission for the whole directory (scope `/`)
 * - `devices`: … that has it for some devices; the route acts on those only, and what is outside
 *   does not exist for the caller
 * - `provisioning`: a SCIM client, by its provisioning token
 */
export type Audience =
  | 'everyone'
  | 'device'
  | 'user'
  | 'signedIn'
  | 'directory'
  | 'devices'
  | 'provisioning'

export interface RoutePermission {
  readonly audience: Audience
  readonly permission: PermissionName
  /** Another permission that opens the route too; the rule tells them apart. */
  readonly orPermission?: PermissionName
}

const HEALTH = { audience: 'everyone', permission: 'keydesk/health/read' } as const
const SIGN_IN = { audience: 'everyone', permission: 'keydesk/signIn' } as const
const SEE_APPS = {
  audience: 'directory',
  permission: 'microsoft.directory/applications/standard/read',
} as const
const MANAGE_APPS = {
  audience: 'directory',
  permission: 'microsoft.directory/applications/manage',
} as const
const PORTAL = { audience: 'everyone', permission: 'keydesk/portal/read' } as const
const ENROLLMENT_TOKENS = {
  audience: 'directory',
  permission: 'keydesk/enrollmentTokens/manage',
} as const
const PROVISIONING_TOKENS = {
  audience: 'directory',
  permission: 'keydesk/provisioning/manage',
} as const
const PROVISION = { audience: 'provisioning', permission: 'keydesk/provisioning/use' } as const
const SEE_ROLES = {
  audience: 'directory',
  permission: 'microsoft.directory/roleDefinitions/standard/read',
} as const
const CHANGE_ROLES = {
  audience: 'directory',
  permission: 'microsoft.directory/roleDefinitions/allProperties/allTasks',
} as const
const SEE_ROLE_ASSIGNMENTS = {
  audience: 'directory',
  permission: 'microsoft.directory/roleAssignments/standard/read',
} as const
const GIVE_ROLES = {
  audience: 'directory',
  permission: 'microsoft.directory/roleAssignments/allProperties/allTasks',
} as const
const SEE_DEVICES = {
  audience: 'devices',
  permission: 'microsoft.directory/devices/standard/read',
} as const
const BE_SHOWN_KEYS = {
  audience: 'devices',
  permission: 'microsoft.directory/bitlockerKeys/key/read',
  orPermission: 'keydesk/bitlockerKeys/key/readWithApproval',
} as const
const DECIDE_APPROVALS = { audience: 'devices', permission: 'keydesk/approvals/decide' } as const
const OWN_APPROVALS = { audience: 'signedIn', permission: 'keydesk/me/approvals/manage' } as const
const SEE_DISCLOSURE_RULES = {
  audience: 'directory',
  permission: 'keydesk/disclosureRules/read',
} as const
const SET_DISCLOSURE_RULES = {
  audience: 'directory',
  permission: 'keydesk/disclosureRules/manage',
} as const
const SET_SELF_SERVICE = {
  audience: 'directory',
  permission: 'microsoft.directory/authorizationPolicy/allProperties/allTasks',
} as const
const OWN_SESSIONS = { audience: 'user', permission: 'keydesk/me/sessions/manage' } as const
const END_SESSIONS = {
  audience: 'directory',
  permission: 'microsoft.directory/users/invalidateAllRefreshTokens',
} as const
const OWN_DEVICES = { audience: 'user', permission: 'keydesk/me/devices/read' } as const
const OWN_KEYS = { audience: 'user', permission: 'keydesk/me/bitlockerKeys/key/read' } as const

const SET_CREDENTIALS = {
  audience: 'directory',
  permission: 'microsoft.directory/users/password/update',
} as const

const SEE_USERS = {
  audience: 'directory',
  permission: 'microsoft.directory/users/standard/read',
} as const
const SEE_GROUPS = {
  audience: 'directory',
  permission: 'microsoft.directory/groups/standard/read',
} as const
const MANAGE_GROUPS = {
  audience: 'directory',
  permission: 'microsoft.directory/groups/manage',
} as const
const SEE_UNITS = {
  audience: 'directory',
  permission: 'microsoft.directory/administrativeUnits/standard/read',
} as const
const MANAGE_UNITS = {
  audience: 'directory',
  permission: 'microsoft.directory/administrativeUnits/allProperties/allTasks',
} as const
const SEE_DEVICE_GROUPS = {
  audience: 'directory',
  permission: 'keydesk/deviceGroups/read',
} as const
const MANAGE_DEVICE_GROUPS = {
  audience: 'directory',
  permission: 'keydesk/deviceGroups/manage',
} as const
const SEE_OWNERS = {
  audience: 'devices',
  permission: 'microsoft.directory/devices/registeredOwners/read',
} as const
const CHANGE_OWNERS = {
  audience: 'devices',
  permission: 'microsoft.directory/devices/registeredOwners/update',
} as const

/** Keys are `METHOD /path` with Fastify's `:parameter`. */
export const PERMISSIONS = {
  'POST /device/v1/enroll': { audience: 'everyone', permission: 'keydesk/devices/enroll' },
  'POST /device/v1/check-in': { audience: 'device', permission: 'keydesk/ownDevice/checkIn' },
  'POST /device/v1/escrow': { audience: 'device', permission: 'keydesk/ownDevice/keys/escrow' },

  'GET /api/v1/sign-in-info': { audience: 'everyone', permission: 'keydesk/signIn' },

  'POST /api/v1/enrollment-tokens': ENROLLMENT_TOKENS,
  'GET /api/v1/enrollment-tokens': {
    audience: 'directory',
    permission: 'keydesk/enrollmentTokens/read',
  },
  'DELETE /api/v1/enrollment-tokens/:id': ENROLLMENT_TOKENS,

  'GET /api/v1/devices': SEE_DEVICES,
  'GET /api/v1/devices/:deviceId': SEE_DEVICES,
  'POST /api/v1/devices/:deviceId/rotations': {
    audience: 'devices',
    permission: 'keydesk/bitlockerKeys/rotate',
  },

  'GET /api/v1/recovery-keys': {
    audience: 'devices',
    permission: 'microsoft.directory/bitlockerKeys/metadata/read',
  },
  'POST /api/v1/disclosures': BE_SHOWN_KEYS,
  'GET /api/v1/disclosure-budgets': SEE_DISCLOSURE_RULES,
  'PUT /api/v1/disclosure-budgets/principals/:principalId': SET_DISCLOSURE_RULES,
  'DELETE /api/v1/disclosure-budgets/principals/:principalId': SET_DISCLOSURE_RULES,
  'PUT /api/v1/disclosure-budgets/roles/:roleId': SET_DISCLOSURE_RULES,
  'DELETE /api/v1/disclosure-budgets/roles/:roleId': SET_DISCLOSURE_RULES,
  'GET /api/v1/approval-rules': SEE_DISCLOSURE_RULES,
  'POST /api/v1/approval-rules': SET_DISCLOSURE_RULES,
  'DELETE /api/v1/approval-rules/:id': SET_DISCLOSURE_RULES,
  'POST /api/v1/approval-requests': BE_SHOWN_KEYS,
  'GET /api/v1/approval-requests': OWN_APPROVALS,
  'GET /api/v1/approval-requests/:id': OWN_APPROVALS,
  'DELETE /api/v1/approval-requests/:id': OWN_APPROVALS,
  'POST /api/v1/approval-requests/:id/decision': DECIDE_APPROVALS,
  'POST /api/v1/approval-requests/:id/review': DECIDE_APPROVALS,

  'GET /api/v1/self-service-policy': {
    audience: 'directory',
    permission: 'microsoft.directory/authorizationPolicy/standard/read',
  },
  'PATCH /api/v1/self-service-policy': SET_SELF_SERVICE,
  'PUT /api/v1/self-service-policy/groups/:groupId': SET_SELF_SERVICE,
  'DELETE /api/v1/self-service-policy/groups/:groupId': SET_SELF_SERVICE,
  'GET /api/v1/me': { audience: 'signedIn', permission: 'keydesk/me/read' },
  'GET /api/v1/me/sessions': OWN_SESSIONS,
  'DELETE /api/v1/me/sessions/:id': OWN_SESSIONS,
  'GET /api/v1/users/:userId/sessions': {
    audience: 'directory',
    permission: 'keydesk/sessions/read',
  },
  'DELETE /api/v1/users/:userId/sessions': END_SESSIONS,
  'DELETE /api/v1/users/:userId/sessions/:sessionId': END_SESSIONS,
  'GET /sign-in': SIGN_IN,
  'GET /sign-in/callback': SIGN_IN,
  'POST /sign-out': SIGN_IN,
  'GET /sign-out/done': SIGN_IN,

  'GET /api/v1/me/devices': OWN_DEVICES,
  'GET /api/v1/me/devices/:deviceId/recovery-status': OWN_DEVICES,
  'GET /api/v1/me/devices/:deviceId/recovery-keys': OWN_KEYS,
  'POST /api/v1/me/disclosures': OWN_KEYS,
  'POST /api/v1/me/approval-requests': OWN_KEYS,

  'GET /api/v1/exposures': { audience: 'devices', permission: 'keydesk/exposures/read' },
  'GET /api/v1/rotations': { audience: 'devices', permission: 'keydesk/rotations/read' },
  'GET /api/v1/audit/entries': {
    audience: 'directory',
    permission: 'microsoft.directory/auditLogs/allProperties/read',
  },

  'POST /api/v1/provisioning-tokens': PROVISIONING_TOKENS,
  'GET /api/v1/provisioning-tokens': PROVISIONING_TOKENS,
  'DELETE /api/v1/provisioning-tokens/:id': PROVISIONING_TOKENS,
  'GET /scim/v2/ServiceProviderConfig': PROVISION,
  'GET /scim/v2/ResourceTypes': PROVISION,
  'GET /scim/v2/ResourceTypes/:id': PROVISION,
  'GET /scim/v2/Schemas': PROVISION,
  'GET /scim/v2/Schemas/:id': PROVISION,
  'GET /scim/v2/Users': PROVISION,
  'POST /scim/v2/Users': PROVISION,
  'GET /scim/v2/Users/:id': PROVISION,
  'PUT /scim/v2/Users/:id': PROVISION,
  'PATCH /scim/v2/Users/:id': PROVISION,
  'DELETE /scim/v2/Users/:id': PROVISION,
  'GET /scim/v2/Groups': PROVISION,
  'POST /scim/v2/Groups': PROVISION,
  'GET /scim/v2/Groups/:id': PROVISION,
  'PUT /scim/v2/Groups/:id': PROVISION,
  'PATCH /scim/v2/Groups/:id': PROVISION,
  'DELETE /scim/v2/Groups/:id': PROVISION,

  'GET /api/v1/roles': SEE_ROLES,
  'GET /api/v1/roles/:roleId': SEE_ROLES,
  'POST /api/v1/roles': CHANGE_ROLES,
  'PATCH /api/v1/roles/:roleId': CHANGE_ROLES,
  'DELETE /api/v1/roles/:roleId': CHANGE_ROLES,
  'GET /api/v1/role-assignments': SEE_ROLE_ASSIGNMENTS,
  'GET /api/v1/role-assignments/:roleAssignmentId': SEE_ROLE_ASSIGNMENTS,
  'POST /api/v1/role-assignments': GIVE_ROLES,
  'PATCH /api/v1/role-assignments/:roleAssignmentId': GIVE_ROLES,
  'DELETE /api/v1/role-assignments/:roleAssignmentId': GIVE_ROLES,
  'GET /api/v1/devices/:deviceId/access': {
    audience: 'devices',
    permission: 'microsoft.directory/roleAssignments/standard/read',
  },
  'GET /api/v1/users/:userId/access': SEE_ROLE_ASSIGNMENTS,
  'GET /api/v1/apps/:appId/access': SEE_ROLE_ASSIGNMENTS,

  'GET /api/v1/users': SEE_USERS,
  'GET /api/v1/users/export': SEE_USERS,
  'GET /api/v1/users/:userId': SEE_USERS,
  'POST /api/v1/users': { audience: 'directory', permission: 'microsoft.directory/users/create' },
  'POST /api/v1/users/import': {
    audience: 'directory',
    permission: 'microsoft.directory/users/create',
  },
  'PATCH /api/v1/users/:userId': {
    audience: 'directory',
    permission: 'microsoft.directory/users/basic/update',
  },
  'DELETE /api/v1/users/:userId': {
    audience: 'directory',
    permission: 'microsoft.directory/users/delete',
  },
  'GET /api/v1/users/:userId/devices': SEE_OWNERS,
  'GET /api/v1/devices/:deviceId/owner': SEE_OWNERS,
  'PUT /api/v1/devices/:deviceId/owner': CHANGE_OWNERS,
  'DELETE /api/v1/devices/:deviceId/owner': CHANGE_OWNERS,
  'GET /api/v1/devices/export': SEE_DEVICES,
  'POST /api/v1/devices/import': {
    audience: 'devices',
    permission: 'microsoft.directory/devices/registeredOwners/update',
    orPermission: 'keydesk/deviceGroups/manage',
  },
  'GET /api/v1/groups': SEE_GROUPS,
  'GET /api/v1/groups/export': SEE_GROUPS,
  'GET /api/v1/groups/:groupId': SEE_GROUPS,
  'GET /api/v1/groups/:groupId/members': SEE_GROUPS,
  'POST /api/v1/groups': MANAGE_GROUPS,
  'POST /api/v1/groups/import': MANAGE_GROUPS,
  'PATCH /api/v1/groups/:groupId': MANAGE_GROUPS,
  'DELETE /api/v1/groups/:groupId': MANAGE_GROUPS,
  'POST /api/v1/groups/:groupId/members': MANAGE_GROUPS,
  'GET /api/v1/administrative-units': SEE_UNITS,
  'GET /api/v1/administrative-units/:deviceSetId': SEE_UNITS,
  'GET /api/v1/administrative-units/:deviceSetId/members': SEE_UNITS,
  'POST /api/v1/administrative-units': MANAGE_UNITS,
  'POST /api/v1/administrative-units/preview': MANAGE_UNITS,
  'PATCH /api/v1/administrative-units/:deviceSetId': MANAGE_UNITS,
  'DELETE /api/v1/administrative-units/:deviceSetId': MANAGE_UNITS,
  'POST /api/v1/administrative-units/:deviceSetId/members': MANAGE_UNITS,
  'GET /api/v1/device-groups': SEE_DEVICE_GROUPS,
  'GET /api/v1/device-groups/:deviceSetId': SEE_DEVICE_GROUPS,
  'GET /api/v1/device-groups/:deviceSetId/members': SEE_DEVICE_GROUPS,
  'POST /api/v1/device-groups': MANAGE_DEVICE_GROUPS,
  'POST /api/v1/device-groups/preview': MANAGE_DEVICE_GROUPS,
  'PATCH /api/v1/device-groups/:deviceSetId': MANAGE_DEVICE_GROUPS,
  'DELETE /api/v1/device-groups/:deviceSetId': MANAGE_DEVICE_GROUPS,
  'POST /api/v1/device-groups/:deviceSetId/members': MANAGE_DEVICE_GROUPS,

  'GET /api/v1/apps': SEE_APPS,
  'GET /api/v1/apps/:appId': SEE_APPS,
  'POST /api/v1/apps': MANAGE_APPS,
  'PATCH /api/v1/apps/:appId': MANAGE_APPS,
  'DELETE /api/v1/apps/:appId': MANAGE_APPS,
  'POST /api/v1/apps/:appId/secrets': MANAGE_APPS,
  'POST /api/v1/apps/:appId/public-keys': MANAGE_APPS,
  'DELETE /api/v1/apps/:appId/credentials/:credentialId': MANAGE_APPS,
  'POST /api/v1/issuer-keys': {
    audience: 'directory',
    permission: 'microsoft.directory/roleAssignments/allProperties/allTasks',
  },

  // The built-in issuer: OAuth has rules of its own for each.
  'GET /sign-in/assets/:name': PORTAL,
  'GET /sign-in/with/:uid': SIGN_IN,
  'POST /sign-in/with/:uid': SIGN_IN,
  'GET /sign-in/with/:uid/code': SIGN_IN,
  'POST /sign-in/with/:uid/code': SIGN_IN,
  'POST /sign-in/with/:uid/passkey/options': SIGN_IN,
  'POST /sign-in/with/:uid/passkey': SIGN_IN,
  'GET /sign-in/with/:uid/set-up': SIGN_IN,
  'POST /sign-in/with/:uid/set-up/totp': SIGN_IN,
  'POST /sign-in/with/:uid/set-up/passkey/options': SIGN_IN,
  'POST /sign-in/with/:uid/set-up/passkey': SIGN_IN,
  'POST /sign-in/with/:uid/go-on': SIGN_IN,
  'POST /sign-in/with/:uid/abort': SIGN_IN,
  'GET /account': OWN_SESSIONS,
  'POST /account/password': OWN_SESSIONS,
  'POST /account/totp': OWN_SESSIONS,
  'POST /account/totp/remove': OWN_SESSIONS,
  'POST /account/backup-codes': OWN_SESSIONS,
  'POST /account/passkeys/options': OWN_SESSIONS,
  'POST /account/passkeys': OWN_SESSIONS,
  'POST /account/passkeys/:id/rename': OWN_SESSIONS,
  'POST /account/passkeys/:id/remove': OWN_SESSIONS,
  'POST /account/sessions/:id/end': OWN_SESSIONS,
  'GET /welcome/:token': SIGN_IN,
  'POST /welcome/:token': SIGN_IN,

  'POST /api/v1/users/:userId/invitation': SET_CREDENTIALS,
  'POST /api/v1/users/:userId/password-reset': SET_CREDENTIALS,

  'GET /oidc/.well-known/openid-configuration': SIGN_IN,
  'GET /oidc/.well-known/oauth-authorization-server': SIGN_IN,
  'GET /oidc/jwks': SIGN_IN,
  'GET /oidc/auth': SIGN_IN,
  'GET /oidc/auth/:uid': SIGN_IN,
  'GET /oidc/device': SIGN_IN,
  'GET /oidc/device/:uid': SIGN_IN,
  'GET /oidc/session/end': SIGN_IN,
  'GET /oidc/session/end/success': SIGN_IN,
  'POST /oidc/token': SIGN_IN,
  'POST /oidc/token/revocation': SIGN_IN,
  'POST /oidc/device/auth': SIGN_IN,
  'POST /oidc/device': SIGN_IN,
  'POST /oidc/session/end/confirm': SIGN_IN,

  'GET /healthz': HEALTH,
  'GET /readyz': HEALTH,
  'GET /metrics': { audience: 'everyone', permission: 'keydesk/metrics/read' },
  'GET /': PORTAL,
  'GET /*': PORTAL,
} as const satisfies Record<string, RoutePermission>

export type RouteName = keyof typeof PERMISSIONS

/** The row of a route, or undefined where there is none: then nobody may call it. */
export function routePermission(route: string): RoutePermission | undefined {
  return Object.hasOwn(PERMISSIONS, route) ? PERMISSIONS[route as RouteName] : undefined
}
