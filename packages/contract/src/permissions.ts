/**
 * Who may call what: every route × role, in one table (promise P8). A route that is not here does
 * not start. The server enforces it, a test compares the server's real answers with it, and the
 * portal greys out what it forbids. Permission names are those of Microsoft Entra where Entra has
 * the permission, `keydesk/…` otherwise.
 */

export const ROLES = ['public', 'device', 'bootstrapAdministrator'] as const
export type Role = (typeof ROLES)[number]

export interface RoutePermission {
  readonly permission: string
  readonly roles: readonly Role[]
}

const administrators: readonly Role[] = ['bootstrapAdministrator']
const devices: readonly Role[] = ['device']
const everyone: readonly Role[] = ROLES

/** Keys are `METHOD /path` with Fastify's `:parameter`. */
export const PERMISSIONS = {
  'POST /device/v1/enroll': { permission: 'keydesk/devices/enroll', roles: ['public'] },
  'POST /device/v1/check-in': { permission: 'keydesk/ownDevice/checkIn', roles: devices },
  'POST /device/v1/escrow': { permission: 'keydesk/ownDevice/keys/escrow', roles: devices },

  'POST /api/v1/enrollment-tokens': {
    permission: 'keydesk/enrollmentTokens/create',
    roles: administrators,
  },
  'GET /api/v1/enrollment-tokens': {
    permission: 'keydesk/enrollmentTokens/read',
    roles: administrators,
  },
  'DELETE /api/v1/enrollment-tokens/:id': {
    permission: 'keydesk/enrollmentTokens/revoke',
    roles: administrators,
  },
  'GET /api/v1/devices': {
    permission: 'microsoft.directory/devices/standard/read',
    roles: administrators,
  },
  'GET /api/v1/devices/:deviceId': {
    permission: 'microsoft.directory/devices/standard/read',
    roles: administrators,
  },
  'POST /api/v1/devices/:deviceId/rotations': {
    permission: 'keydesk/keys/rotate',
    roles: administrators,
  },
  'GET /api/v1/recovery-keys': {
    permission: 'microsoft.directory/bitlockerKeys/metadata/read',
    roles: administrators,
  },
  'POST /api/v1/disclosures': {
    permission: 'microsoft.directory/bitlockerKeys/key/read',
    roles: administrators,
  },
  'GET /api/v1/exposures': { permission: 'keydesk/exposures/read', roles: administrators },
  'GET /api/v1/rotations': { permission: 'keydesk/rotations/read', roles: administrators },
  'GET /api/v1/audit/entries': {
    permission: 'microsoft.directory/auditLogs/allProperties/read',
    roles: administrators,
  },

  'GET /healthz': { permission: 'keydesk/health/read', roles: everyone },
  'GET /readyz': { permission: 'keydesk/health/read', roles: everyone },
  'GET /metrics': { permission: 'keydesk/metrics/read', roles: everyone },
  'GET /': { permission: 'keydesk/portal/read', roles: everyone },
  'GET /*': { permission: 'keydesk/portal/read', roles: everyone },
} as const satisfies Record<string, RoutePermission>

export type RouteName = keyof typeof PERMISSIONS

/** The row of a route, or undefined where there is none: then nobody may call it. */
export function routePermission(route: string): RoutePermission | undefined {
  return Object.hasOwn(PERMISSIONS, route) ? PERMISSIONS[route as RouteName] : undefined
}

/** Whether a role may call a route. A route without a row is forbidden to everyone. */
export function isAllowed(role: Role, route: string): boolean {
  return routePermission(route)?.roles.includes(role) ?? false
}
