/** Groups as the API shows them. */

import type { Group, GroupPage, GroupQuery, MemberQuery, UserPage } from '@keydesk/contract'
import type { Kysely } from 'kysely'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { decodeNameCursor, pageLimit, pageOf } from '../http/page-cursor.ts'
import { selectGroup, selectGroups, type CountedGroupRow } from './group-queries.ts'
import { listUsers } from './list-users.ts'

export async function listGroups(deps: Deps, query: GroupQuery): Promise<GroupPage> {
  const limit = pageLimit(query.limit)
  const rows = await selectGroups(deps.db, {
    search: query.search,
    after: decodeNameCursor(query.after),
    limit: limit + 1,
  })
  return pageOf(rows, limit, { item: toGroup, key: (row) => [row.sort_name, row.id] })
}

/** Throws AppError NOT_FOUND. */
export async function showGroup(db: Kysely<Database>, groupId: string): Promise<Group> {
  const row = await selectGroup(db, groupId)
  if (row === undefined) throw unknownGroup()
  return toGroup(row)
}

/** Throws AppError NOT_FOUND. */
export async function listGroupMembers(
  deps: Deps,
  groupId: string,
  query: MemberQuery,
): Promise<UserPage> {
  await showGroup(deps.db, groupId)
  return await listUsers(deps, { ...query, groupId })
}

export function unknownGroup(): AppError {
  return new AppError('NOT_FOUND', 'There is no group with this ID.')
}

function toGroup(row: CountedGroupRow): Group {
  return {
    id: row.id,
    displayName: row.display_name,
    ...(row.description === null ? {} : { description: row.description }),
    // The CHECK of the table lets in only what the contract names.
    source: row.source as Group['source'],
    ...(row.external_id === null ? {} : { externalId: row.external_id }),
    memberCount: row.member_count,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}
