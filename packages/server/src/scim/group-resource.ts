/** A group as RFC 7643 §4.2 writes it. */

import type { MemberRow, ScimGroupRow } from './group-queries.ts'
import type { JsonObject } from './read-value.ts'
import { resourceVersion } from './resource-version.ts'
import { GROUP_SCHEMA } from './schema-names.ts'

export function groupVersion(row: ScimGroupRow): string {
  return resourceVersion([
    row.id,
    row.display_name,
    row.external_id,
    row.updated_at,
    row.member_count,
    row.last_added_at,
  ])
}

/** `origin`: of this server. `members`: undefined where they are not asked for. */
export function groupResource(
  row: ScimGroupRow,
  origin: string,
  members: readonly MemberRow[] | undefined,
): JsonObject {
  const lastModified = Math.max(row.updated_at.getTime(), row.last_added_at?.getTime() ?? 0)
  return {
    schemas: [GROUP_SCHEMA],
    id: row.id,
    ...(row.external_id === null ? {} : { externalId: row.external_id }),
    displayName: row.display_name,
    ...(members === undefined
      ? {}
      : {
          members: members.map(({ user_id, display_name }) => ({
            value: user_id,
            $ref: `${origin}/scim/v2/Users/${user_id}`,
            display: display_name,
            type: 'User',
          })),
        }),
    meta: {
      resourceType: 'Group',
      created: row.created_at.toISOString(),
      lastModified: new Date(lastModified).toISOString(),
      location: `${origin}/scim/v2/Groups/${row.id}`,
      version: groupVersion(row),
    },
  }
}
