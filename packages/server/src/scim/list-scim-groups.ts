/** Groups as SCIM clients read them: a list by filter and page, or one. */

import { LIMITS, isGuid } from '@keydesk/contract'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { filterCondition } from './filter-condition.ts'
import {
  countProvisionedGroups,
  GROUP_FILTER,
  selectMembersOfGroups,
  selectProvisionedGroup,
  selectProvisionedGroups,
  type ScimGroupRow,
} from './group-queries.ts'
import { groupResource } from './group-resource.ts'
import { listPage, listResponse, type ListQuery } from './list-page.ts'
import { isWanted, projectAttributes, type AttributeChoice } from './project-attributes.ts'
import type { JsonObject } from './read-value.ts'
import { ScimError } from './scim-error.ts'

/** Throws ScimError invalidFilter, invalidPath, tooMany. */
export async function listScimGroups(deps: Deps, query: ListQuery): Promise<JsonObject> {
  const condition = filterCondition(query.filter, GROUP_FILTER)
  const page = listPage(query)
  const [total, rows] = await Promise.all([
    countProvisionedGroups(deps.db, condition),
    page.count === 0 ? [] : selectProvisionedGroups(deps.db, condition, page),
  ])
  const resources = await toResources(deps, rows, query)
  const projected = resources.map((resource) => projectAttributes(resource, query))
  return listResponse(projected, total, page.startIndex)
}

/** Whole, except that `members` are there only if wanted. Throws AppError NOT_FOUND; ScimError. */
export async function showScimGroup(
  deps: Deps,
  id: string,
  choice: AttributeChoice,
): Promise<JsonObject> {
  const row = isGuid(id) ? await selectProvisionedGroup(deps.db, id) : undefined
  const [resource] = row === undefined ? [] : await toResources(deps, [row], choice)
  if (resource === undefined) throw unknownScimGroup()
  return resource
}

export function unknownScimGroup(): AppError {
  return new AppError('NOT_FOUND', 'There is no group with this ID.')
}

async function toResources(
  deps: Deps,
  rows: readonly ScimGroupRow[],
  choice: AttributeChoice,
): Promise<JsonObject[]> {
  const members = isWanted('members', choice) ? await membersOf(deps, rows) : undefined
  return rows.map((row) => {
    const own = members === undefined ? undefined : (members.get(row.id) ?? [])
    return groupResource(row, deps.config.origin, own)
  })
}

/** All of them or an error: a list that is cut without a word would take people out of groups. */
async function membersOf(deps: Deps, rows: readonly ScimGroupRow[]) {
  const max = LIMITS.scimMembersPerAnswerMax
  const ids = rows.map(({ id }) => id)
  const members = await selectMembersOfGroups(deps.db, ids, max + 1)
  if (members.length > max) {
    throw new ScimError(
      'tooMany',
      `The answer would have more than ${max} members. Ask with excludedAttributes=members, or for fewer groups at once.`,
    )
  }
  return Map.groupBy(members, ({ group_id }) => group_id)
}
