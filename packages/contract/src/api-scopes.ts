/**
 * What an access token may be used for: Microsoft Graph's permission names where Graph has one,
 * `Keydesk.…` otherwise. In a user's token (delegated, `scp`/`scope`) a scope narrows what the
 * person's roles allow; granted to an app (application, `roles`) it allows by itself, for all
 * devices. Names compare without regard to case: both `BitlockerKey` and `BitLockerKey` are in use.
 */
import type { PermissionName } from './permission-names.ts'

export interface ApiScope {
  readonly description: string
  /** `everything`: whatever the person may do. */
  readonly permissions: readonly PermissionName[] | 'everything'
  readonly kinds: readonly ('delegated' | 'application')[]
}

const BOTH = ['delegated', 'application'] as const
const DELEGATED = ['delegated'] as const

const KEY_METADATA = 'microsoft.directory/bitlockerKeys/metadata/read'
const KEY = 'microsoft.directory/bitlockerKeys/key/read'
const DEVICES = 'microsoft.directory/devices/standard/read'
const OWNERS = 'microsoft.directory/devices/registeredOwners/read'

export const API_SCOPES = {
  'BitlockerKey.ReadBasic.All': {
    description: 'See which keys are stored',
    permissions: [KEY_METADATA],
    kinds: BOTH,
  },
  'BitlockerKey.Read.All': {
    description: 'Be shown recovery passwords',
    permissions: [
      KEY_METADATA,
      KEY,
      'keydesk/bitlockerKeys/key/readWithApproval',
      'keydesk/me/devices/read',
      'keydesk/me/bitlockerKeys/key/read',
      'keydesk/me/approvals/manage',
    ],
    kinds: BOTH,
  },
  'Device.Read.All': {
    description: 'See devices and their owners',
    permissions: [DEVICES, OWNERS, 'keydesk/deviceGroups/read'],
    kinds: BOTH,
  },
  'DeviceManagementManagedDevices.Read.All': {
    description: 'See devices and their rotations',
    permissions: [DEVICES, OWNERS, 'keydesk/rotations/read', 'keydesk/exposures/read'],
    kinds: BOTH,
  },
  'DeviceManagementManagedDevices.PrivilegedOperations.All': {
    description: 'Have recovery passwords replaced',
    permissions: ['keydesk/bitlockerKeys/rotate', 'keydesk/rotations/read'],
    kinds: BOTH,
  },
  'AuditLog.Read.All': {
    description: 'Read the audit log',
    permissions: ['microsoft.directory/auditLogs/allProperties/read'],
    kinds: BOTH,
  },
  'User.Read.All': {
    description: 'See users',
    permissions: ['microsoft.directory/users/standard/read'],
    kinds: BOTH,
  },
  'User.ReadWrite.All': {
    description: 'Manage users',
    permissions: [
      'microsoft.directory/users/standard/read',
      'microsoft.directory/users/create',
      'microsoft.directory/users/basic/update',
      'microsoft.directory/users/disable',
      'microsoft.directory/users/delete',
    ],
    kinds: BOTH,
  },
  'Group.Read.All': {
    description: 'See groups',
    permissions: ['microsoft.directory/groups/standard/read'],
    kinds: BOTH,
  },
  'Group.ReadWrite.All': {
    description: 'Manage groups',
    permissions: ['microsoft.directory/groups/standard/read', 'microsoft.directory/groups/manage'],
    kinds: BOTH,
  },
  'AdministrativeUnit.Read.All': {
    description: 'See administrative units',
    permissions: ['microsoft.directory/administrativeUnits/standard/read'],
    kinds: BOTH,
  },
  'RoleManagement.Read.Directory': {
    description: 'See roles and who has them',
    permissions: [
      'microsoft.directory/roleDefinitions/standard/read',
      'microsoft.directory/roleAssignments/standard/read',
    ],
    kinds: BOTH,
  },
  'Policy.Read.All': {
    description: 'See the rules of self-service and disclosure',
    permissions: [
      'microsoft.directory/authorizationPolicy/standard/read',
      'keydesk/disclosureRules/read',
    ],
    kinds: BOTH,
  },
  'Keydesk.EnrollmentToken.ReadWrite.All': {
    description: 'Make and revoke enrolment tokens',
    permissions: ['keydesk/enrollmentTokens/read', 'keydesk/enrollmentTokens/manage'],
    kinds: BOTH,
  },
  'Keydesk.Access': {
    description: 'Do whatever the person who signed in may do',
    permissions: 'everything',
    kinds: DELEGATED,
  },
  'Keydesk.EnrollDevice': {
    description: 'Enrol one PC as that of the person who signed in',
    permissions: ['keydesk/devices/enroll'],
    kinds: DELEGATED,
  },
} as const satisfies Readonly<Record<string, ApiScope>>

export type ApiScopeName = keyof typeof API_SCOPES

const BY_LOWER_CASE = new Map(
  Object.keys(API_SCOPES).map((name) => [name.toLowerCase(), name as ApiScopeName]),
)

/** In any case of letters. */
export function apiScopeName(text: string): ApiScopeName | undefined {
  return BY_LOWER_CASE.get(text.toLowerCase())
}

/** What a set of scopes covers; unknown names cover nothing. */
export function permissionsOfScopes(
  scopes: readonly string[],
  kind: 'delegated' | 'application',
): ReadonlySet<PermissionName> | 'everything' {
  const covered = new Set<PermissionName>()
  for (const text of scopes) {
    const name = apiScopeName(text)
    if (name === undefined) continue
    const scope: ApiScope = API_SCOPES[name]
    if (!scope.kinds.includes(kind)) continue
    if (scope.permissions === 'everything') return 'everything'
    for (const permission of scope.permissions) covered.add(permission)
  }
  return covered
}
