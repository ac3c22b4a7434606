/**
 * The built-in roles, with the names and template IDs of Microsoft Entra (its "permissions
 * reference"); `Keydesk Auditor` is ours. They are here and not in the database, so that nobody
 * who only writes the database can widen one. What each may read of keys is what Entra allows it.
 */
import type { PermissionName } from './permission-names.ts'

export interface BuiltInRole {
  /** Entra's template ID. */
  readonly id: string
  readonly displayName: string
  readonly description: string
  readonly permissions: readonly PermissionName[]
}

const KEY_METADATA = 'microsoft.directory/bitlockerKeys/metadata/read'
const KEY = 'microsoft.directory/bitlockerKeys/key/read'

const SEE_DEVICES = [
  'microsoft.directory/devices/standard/read',
  'microsoft.directory/devices/registeredOwners/read',
  'keydesk/deviceGroups/read',
  'microsoft.directory/administrativeUnits/standard/read',
] as const satisfies readonly PermissionName[]

const SEE_PEOPLE = [
  'microsoft.directory/users/standard/read',
  'microsoft.directory/groups/standard/read',
] as const satisfies readonly PermissionName[]

const SEE_KEY_WORK = [
  'keydesk/exposures/read',
  'keydesk/rotations/read',
  'keydesk/approvals/read',
] as const satisfies readonly PermissionName[]

const SEE_SETTINGS = [
  'microsoft.directory/applications/standard/read',
  'microsoft.directory/roleDefinitions/standard/read',
  'microsoft.directory/roleAssignments/standard/read',
  'microsoft.directory/authorizationPolicy/standard/read',
  'keydesk/disclosureRules/read',
  'keydesk/enrollmentTokens/read',
  'keydesk/sessions/read',
] as const satisfies readonly PermissionName[]

const RECORDS = 'microsoft.directory/auditLogs/allProperties/read'

const SEE_EVERYTHING = [
  ...SEE_DEVICES,
  ...SEE_PEOPLE,
  ...SEE_KEY_WORK,
  ...SEE_SETTINGS,
  KEY_METADATA,
  RECORDS,
] as const satisfies readonly PermissionName[]

const MANAGE_ROLES = [
  'microsoft.directory/roleDefinitions/allProperties/allTasks',
  'microsoft.directory/roleAssignments/allProperties/allTasks',
  'microsoft.directory/administrativeUnits/allProperties/allTasks',
  'microsoft.directory/authorizationPolicy/allProperties/allTasks',
] as const satisfies readonly PermissionName[]

const MANAGE_DIRECTORY = [
  'microsoft.directory/users/create',
  'microsoft.directory/users/basic/update',
  'microsoft.directory/users/disable',
  'microsoft.directory/users/delete',
  'microsoft.directory/users/password/update',
  'microsoft.directory/users/invalidateAllRefreshTokens',
  'microsoft.directory/groups/manage',
  'microsoft.directory/applications/manage',
  'keydesk/provisioning/manage',
] as const satisfies readonly PermissionName[]

const MANAGE_DEVICES = [
  'microsoft.directory/devices/registeredOwners/update',
  'keydesk/enrollmentTokens/read',
  'keydesk/enrollmentTokens/manage',
  'keydesk/deviceGroups/manage',
] as const satisfies readonly PermissionName[]

export const GLOBAL_ADMINISTRATOR = '62e90394-69f5-4237-9190-012177145e10'

export const BUILT_IN_ROLES: readonly BuiltInRole[] = [
  {
    id: GLOBAL_ADMINISTRATOR,
    displayName: 'Global Administrator',
    description: 'Everything',
    permissions: [
      ...new Set<PermissionName>([
        ...SEE_EVERYTHING,
        ...MANAGE_ROLES,
        ...MANAGE_DIRECTORY,
        ...MANAGE_DEVICES,
        KEY,
        'keydesk/bitlockerKeys/key/readWithApproval',
        'keydesk/bitlockerKeys/key/readInEmergency',
        'keydesk/bitlockerKeys/rotate',
        'keydesk/bitlockerKeys/purge',
        'keydesk/approvals/decide',
        'keydesk/exposures/waive',
        'keydesk/disclosureRules/manage',
      ]),
    ],
  },
  {
    id: '7698a772-787b-4ac8-901f-60d6b08affd2',
    displayName: 'Cloud Device Administrator',
    description: 'Manages devices and reads their keys',
    permissions: [
      ...SEE_DEVICES,
      ...MANAGE_DEVICES,
      'microsoft.directory/users/standard/read',
      ...SEE_KEY_WORK,
      KEY_METADATA,
      KEY,
      'keydesk/bitlockerKeys/rotate',
    ],
  },
  {
    id: '729827e3-9c14-49f7-bb1b-9608f156bbb8',
    displayName: 'Helpdesk Administrator',
    description: 'Helps people who are locked out',
    permissions: [
      ...SEE_DEVICES,
      ...SEE_PEOPLE,
      ...SEE_KEY_WORK,
      KEY_METADATA,
      KEY,
      'keydesk/bitlockerKeys/rotate',
      'microsoft.directory/users/password/update',
      'microsoft.directory/users/invalidateAllRefreshTokens',
      'keydesk/sessions/read',
    ],
  },
  {
    id: '3a2c62db-5318-420d-8d74-23affee5d9d5',
    displayName: 'Intune Administrator',
    description: 'Manages devices, their groups and their keys',
    permissions: [
      ...SEE_DEVICES,
      ...SEE_PEOPLE,
      ...MANAGE_DEVICES,
      ...SEE_KEY_WORK,
      KEY_METADATA,
      KEY,
      'keydesk/bitlockerKeys/rotate',
      'microsoft.directory/groups/manage',
    ],
  },
  {
    id: '194ae4cb-b126-40b2-bd5b-6091b380977d',
    displayName: 'Security Administrator',
    description: 'Sets the rules of disclosure, decides on approvals, closes exposures',
    permissions: [
      ...SEE_EVERYTHING,
      KEY,
      'keydesk/bitlockerKeys/key/readInEmergency',
      'keydesk/bitlockerKeys/rotate',
      'keydesk/approvals/decide',
      'keydesk/exposures/waive',
      'keydesk/disclosureRules/manage',
      'microsoft.directory/users/invalidateAllRefreshTokens',
    ],
  },
  {
    id: '5d6b6bb7-de71-4623-b4af-96380a352509',
    displayName: 'Security Reader',
    description: 'Reads everything that concerns security, keys included (as in Entra)',
    permissions: [...SEE_EVERYTHING, KEY],
  },
  {
    id: 'f2ef992c-3afb-46b9-b7cf-a126ee74c451',
    displayName: 'Global Reader',
    description: 'Reads everything, keys included (as in Entra)',
    permissions: [...SEE_EVERYTHING, KEY],
  },
  {
    id: '4a5d8f65-41da-4de4-8968-e035b65339cf',
    displayName: 'Reports Reader',
    description: 'Reads the audit log and lists of devices',
    permissions: ['microsoft.directory/devices/standard/read', RECORDS],
  },
  {
    id: 'e8611ab8-c189-46e8-94e1-60213ab1f814',
    displayName: 'Privileged Role Administrator',
    description: 'Gives and takes roles, sets the rules of self-service',
    permissions: [
      ...SEE_PEOPLE,
      ...SEE_DEVICES,
      ...MANAGE_ROLES,
      'microsoft.directory/applications/standard/read',
      'microsoft.directory/roleDefinitions/standard/read',
      'microsoft.directory/roleAssignments/standard/read',
      'microsoft.directory/authorizationPolicy/standard/read',
    ],
  },
  {
    id: 'b3f7c3f4-3a56-4c0e-9e0d-6e1e2c6a5d10',
    displayName: 'Keydesk Auditor',
    description: 'Reads all records and settings, and no key',
    permissions: [...SEE_EVERYTHING],
  },
]

const BY_ID = new Map(BUILT_IN_ROLES.map((role) => [role.id, role]))

export function builtInRole(id: string): BuiltInRole | undefined {
  return BY_ID.get(id)
}
