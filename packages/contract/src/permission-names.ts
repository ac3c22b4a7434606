/**
 * The permissions by name: Microsoft Entra's resource actions where Entra has the permission,
 * `keydesk/…` for what Entra lacks. Roles are sets of these; every route asks for one
 * (`permissions.ts`). A name is never given another meaning.
 */

export const PERMISSION_NAMES = {
  // Keys
  'microsoft.directory/bitlockerKeys/metadata/read': 'See which keys are stored, without them',
  'microsoft.directory/bitlockerKeys/key/read': 'Be shown recovery passwords',
  'keydesk/bitlockerKeys/key/readWithApproval':
    'Be shown a recovery password that a second person approved',
  'keydesk/bitlockerKeys/key/readInEmergency':
    'Be shown a recovery password at once where approval is demanded, to be reviewed afterwards',
  'keydesk/bitlockerKeys/rotate': 'Have recovery passwords replaced on the disk',
  'keydesk/bitlockerKeys/purge': 'Delete stored keys by a retention rule',
  'keydesk/approvals/read': 'See requests for approval',
  'keydesk/approvals/decide': 'Approve or refuse a disclosure that another person asks for',
  'keydesk/exposures/read': 'See open exposures',
  'keydesk/exposures/waive': 'Close an exposure without proof from the disk',
  'keydesk/rotations/read': 'See rotations',

  // Devices
  'microsoft.directory/devices/standard/read': 'See devices',
  'microsoft.directory/devices/registeredOwners/read': 'See who owns a device',
  'microsoft.directory/devices/registeredOwners/update': 'Change the owner of a device',
  'keydesk/enrollmentTokens/read': 'See enrolment tokens',
  'keydesk/enrollmentTokens/manage': 'Make and revoke enrolment tokens',
  'keydesk/deviceGroups/read': 'See device groups',
  'keydesk/deviceGroups/manage': 'Make, change and delete device groups',

  // Directory
  'microsoft.directory/users/standard/read': 'See users',
  'microsoft.directory/users/create': 'Add users',
  'microsoft.directory/users/basic/update': 'Change users',
  'microsoft.directory/users/disable': 'Disable and enable users',
  'microsoft.directory/users/delete': 'Delete users',
  'microsoft.directory/users/password/update': 'Invite users and reset how they sign in',
  'microsoft.directory/users/invalidateAllRefreshTokens': 'End the sessions of users',
  'keydesk/sessions/read': 'See the sessions of users',
  'microsoft.directory/groups/standard/read': 'See groups',
  'microsoft.directory/groups/manage': 'Make, change and delete groups',
  'microsoft.directory/administrativeUnits/standard/read': 'See administrative units',
  'microsoft.directory/administrativeUnits/allProperties/allTasks':
    'Make, change and delete administrative units',
  'microsoft.directory/applications/standard/read': 'See app registrations',
  'microsoft.directory/applications/manage': 'Make and delete app registrations and their secrets',
  'keydesk/provisioning/manage': 'Make and revoke tokens for SCIM provisioning',
  'keydesk/provisioning/use': 'Provision users and groups by SCIM',

  // Roles and settings
  'microsoft.directory/roleDefinitions/standard/read': 'See roles',
  'microsoft.directory/roleDefinitions/allProperties/allTasks': 'Make and change custom roles',
  'microsoft.directory/roleAssignments/standard/read': 'See who has which role, and why',
  'microsoft.directory/roleAssignments/allProperties/allTasks': 'Give and take roles',
  'microsoft.directory/authorizationPolicy/standard/read': 'See the rules of self-service',
  'microsoft.directory/authorizationPolicy/allProperties/allTasks':
    'Change the rules of self-service',
  'keydesk/disclosureRules/read': 'See budgets and approval rules',
  'keydesk/disclosureRules/manage': 'Change budgets and approval rules',

  // Records
  'microsoft.directory/auditLogs/allProperties/read': 'Read the audit log',

  // Everyone
  'keydesk/health/read': 'See whether the service works',
  'keydesk/metrics/read': 'Read metrics',
  'keydesk/portal/read': 'Load the portal and the pages of the sign-in',
  'keydesk/signIn': 'Sign in and out',

  // What a device may do, for itself only
  'keydesk/devices/enroll': 'Enrol a device',
  'keydesk/ownDevice/checkIn': 'Report',
  'keydesk/ownDevice/keys/escrow': 'Store a recovery password',

  // What whoever signed in may do for himself
  'keydesk/me/read': 'See oneself',
  'keydesk/me/sessions/manage': 'See and end own sessions',
  'keydesk/me/devices/read': 'See own devices',
  'keydesk/me/bitlockerKeys/key/read':
    'Be shown the recovery key of an own device, under the rules of self-service',
  'keydesk/me/approvals/manage': 'See and withdraw own requests for approval',
} as const satisfies Readonly<Record<string, string>>

export type PermissionName = keyof typeof PERMISSION_NAMES

export function isPermissionName(text: string): text is PermissionName {
  return Object.hasOwn(PERMISSION_NAMES, text)
}
