/** What gives or denies access, as the API tells it. */

import { builtInRole, type AccessReason } from '@keydesk/contract'
import type { ReasonRow } from './access-queries.ts'
import { scopeText } from './scope-text.ts'

export function assignmentReason(row: ReasonRow): AccessReason {
  return {
    by: 'roleAssignment',
    roleAssignmentId: row.id,
    role: {
      id: row.role_id,
      displayName: builtInRole(row.role_id)?.displayName ?? row.role_name ?? row.role_id,
    },
    scope: scopeText(row.scope_type, row.scope_id),
    ...(row.scope_name === null ? {} : { scopeName: row.scope_name }),
    ...(row.expires_at === null ? {} : { expiresAt: new Date(row.expires_at).toISOString() }),
    ...(row.group_id === null
      ? {}
      : { group: { id: row.group_id, displayName: row.group_name ?? row.group_id } }),
  }
}

/** App roles reach the whole directory. */
export function appRoleReason(appRole: string): AccessReason {
  return { by: 'appRole', appRole, scope: '/' }
}
