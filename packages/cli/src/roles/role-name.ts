/** The name of a role where only its ID is known: built-in ones are in the contract. */
import { BUILT_IN_ROLES } from '@keydesk/contract/built-in-roles'

export function roleName(roleId: string): string {
  return BUILT_IN_ROLES.find(({ id }) => id === roleId)?.displayName ?? `custom role ${roleId}`
}
