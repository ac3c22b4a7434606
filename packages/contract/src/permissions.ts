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
const PORTAL = { audience: 'everyone', permission: 'keydesk/portal/read' } as const
const ENROLLMENT_TOKENS = {
  audience: 'directory',
  permission: 'keydesk/enrollmentTokens/manage',
} as const
const SEE_DEVICES = {
  audience: 'devices',
  permission: 'microsoft.directory/devices/standard/read',
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
  'POST /api/v1/disclosures': {
    audience: 'devices',
    permission: 'microsoft.directory/bitlockerKeys/key/read',
    orPermission: 'keydesk/bitlockerKeys/key/readWithApproval',
  },
  'GET /api/v1/exposures': { audience: 'devices', permission: 'keydesk/exposures/read' },
  'GET /api/v1/rotations': { audience: 'devices', permission: 'keydesk/rotations/read' },
  'GET /api/v1/audit/entries': {
    audience: 'directory',
    permission: 'microsoft.directory/auditLogs/allProperties/read',
  },

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
