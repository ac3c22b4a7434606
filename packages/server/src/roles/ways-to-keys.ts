/**
 * How the permissions to be shown keys hang together, for telling who has access: whoever may be
 * shown a key with approval only gets to it too, and a deny of reading keys takes away every way to
 * them. The decision itself is `selectKeysToDisclose`; a test compares the two.
 */

import type { PermissionName } from '@keydesk/contract'

export const READ_KEY = 'microsoft.directory/bitlockerKeys/key/read'
const READ_KEY_WITH_APPROVAL = 'keydesk/bitlockerKeys/key/readWithApproval'
const READ_KEY_IN_EMERGENCY = 'keydesk/bitlockerKeys/key/readInEmergency'

/** What lets somebody do it, if only on further terms. */
export function whatAllows(permission: PermissionName): readonly PermissionName[] {
  return permission === READ_KEY ? [READ_KEY, READ_KEY_WITH_APPROVAL] : [permission]
}

/** What takes the permission away where it is denied. */
export function whatDenies(permission: PermissionName): readonly PermissionName[] {
  return permission === READ_KEY_WITH_APPROVAL || permission === READ_KEY_IN_EMERGENCY
    ? [permission, READ_KEY]
    : [permission]
}
