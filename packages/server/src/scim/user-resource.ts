/** A user as RFC 7643 §4.1 writes him. What is empty is left out (§2.5). */

import type { UserRow } from '../directory/user-queries.ts'
import type { JsonObject } from './read-value.ts'
import { resourceVersion } from './resource-version.ts'
import { ENTERPRISE_SCHEMA, USER_SCHEMA } from './schema-names.ts'
import type { GroupOfUserRow } from './user-queries.ts'

export function userVersion(row: UserRow): string {
  return resourceVersion([
    row.id,
    row.user_principal_name,
    row.external_id,
    row.display_name,
    row.given_name,
    row.family_name,
    row.mail,
    row.department,
    row.is_active,
    row.updated_at,
  ])
}

/** `origin`: of this server. `groups`: undefined where they are not asked for. */
export function userResource(
  row: UserRow,
  origin: string,
  groups: readonly GroupOfUserRow[] | undefined,
): JsonObject {
  const { given_name, family_name, department } = row
  const names = [given_name, family_name].filter((name) => name !== null)
  return {
    schemas: department === null ? [USER_SCHEMA] : [USER_SCHEMA, ENTERPRISE_SCHEMA],
    id: row.id,
    ...(row.external_id === null ? {} : { externalId: row.external_id }),
    userName: row.user_principal_name,
    ...(names.length === 0
      ? {}
      : {
          name: {
            formatted: names.join(' '),
            ...(family_name === null ? {} : { familyName: family_name }),
            ...(given_name === null ? {} : { givenName: given_name }),
          },
        }),
    displayName: row.display_name,
    active: row.is_active,
    ...(row.mail === null ? {} : { emails: [{ value: row.mail, type: 'work', primary: true }] }),
    ...(groups === undefined
      ? {}
      : {
          groups: groups.map(({ group_id, display_name }) => ({
            value: group_id,
            $ref: `${origin}/scim/v2/Groups/${group_id}`,
            display: display_name,
            type: 'direct',
          })),
        }),
    ...(department === null ? {} : { [ENTERPRISE_SCHEMA]: { department } }),
    meta: {
      resourceType: 'User',
      created: row.created_at.toISOString(),
      lastModified: row.updated_at.toISOString(),
      location: `${origin}/scim/v2/Users/${row.id}`,
      version: userVersion(row),
    },
  }
}
