/** Users as SCIM clients read them: a list by filter and page, or one. */

import { isGuid } from '@keydesk/contract'
import type { Deps } from '../deps.ts'
import { selectUser, type UserRow } from '../directory/user-queries.ts'
import { AppError } from '../errors.ts'
import { filterCondition } from './filter-condition.ts'
import { listPage, listResponse, type ListQuery } from './list-page.ts'
import { isWanted, projectAttributes, type AttributeChoice } from './project-attributes.ts'
import type { JsonObject } from './read-value.ts'
import {
  countProvisionedUsers,
  selectGroupsOfUsers,
  selectProvisionedUsers,
  USER_FILTER,
} from './user-queries.ts'
import { userResource } from './user-resource.ts'

/** Throws ScimError invalidFilter, invalidPath. */
export async function listScimUsers(deps: Deps, query: ListQuery): Promise<JsonObject> {
  const condition = filterCondition(query.filter, USER_FILTER)
  const page = listPage(query)
  const [total, rows] = await Promise.all([
    countProvisionedUsers(deps.db, condition),
    page.count === 0 ? [] : selectProvisionedUsers(deps.db, condition, page),
  ])
  const resources = await toResources(deps, rows, query)
  const projected = resources.map((resource) => projectAttributes(resource, query))
  return listResponse(projected, total, page.startIndex)
}

/** Whole, except that `groups` are there only if wanted. Throws AppError NOT_FOUND; ScimError. */
export async function showScimUser(
  deps: Deps,
  id: string,
  choice: AttributeChoice,
): Promise<JsonObject> {
  const row = isGuid(id) ? await selectUser(deps.db, id) : undefined
  if (row === undefined || row.source === 'local') throw unknownScimUser()
  const [resource] = await toResources(deps, [row], choice)
  if (resource === undefined) throw unknownScimUser()
  return resource
}

export function unknownScimUser(): AppError {
  return new AppError('NOT_FOUND', 'There is no user with this ID.')
}

async function toResources(
  deps: Deps,
  rows: readonly UserRow[],
  choice: AttributeChoice,
): Promise<JsonObject[]> {
  const ids = rows.map(({ id }) => id)
  const groups = isWanted('groups', choice)
    ? Map.groupBy(await selectGroupsOfUsers(deps.db, ids), ({ user_id }) => user_id)
    : undefined
  return rows.map((row) => {
    const own = groups === undefined ? undefined : (groups.get(row.id) ?? [])
    return userResource(row, deps.config.origin, own)
  })
}
