/**
 * Makes, changes and deletes groups of people. A group that holds roles is changed only by whoever
 * may give roles: its members have them too.
 */

import { randomUUID } from 'node:crypto'
import type { CreateGroup } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { keepAnAdministrator } from '../access/keep-an-administrator.ts'
import { appendAudit, type NewAuditEntry } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import { requireAuthority, requireAuthorityOverGroup, type ChangedBy } from './changed-by.ts'
import { refuseTakenName } from './database-refusal.ts'
import {
  deleteMembers,
  insertGroup,
  lockGroup,
  updateGroup,
  type GroupChanges,
  type GroupRow,
} from './group-queries.ts'
import { unknownGroup } from './list-groups.ts'
import { deleteRoleAssignments } from './user-queries.ts'

export interface GroupOrigin {
  readonly source: 'local' | 'issuer' | 'scim'
  /** SCIM externalId, or the value of the issuer's groups claim. */
  readonly externalId?: string
}

/** Returns the ID. Throws AppError NAME_TAKEN. */
export async function addGroup(
  trx: Transaction<Database>,
  by: ChangedBy,
  group: CreateGroup,
  origin: GroupOrigin = { source: 'local' },
): Promise<string> {
  const id = randomUUID()
  await refuseTakenName('group', async () => {
    await insertGroup(trx, {
      id,
      display_name: group.displayName,
      description: group.description ?? null,
      source: origin.source,
      external_id: origin.externalId ?? null,
      created_at: by.now,
      updated_at: by.now,
    })
  })
  const detail = { source: origin.source }
  await appendAudit(trx, [groupEntry(by, 'group.create', { ...named(id, group), ...detail })])
  return id
}

/** Idempotent. Throws AppError NOT_FOUND, NAME_TAKEN, FORBIDDEN. */
export async function changeGroup(
  trx: Transaction<Database>,
  by: ChangedBy,
  groupId: string,
  changes: GroupChanges,
): Promise<void> {
  const group = await lockGroup(trx, groupId)
  if (group === undefined) throw unknownGroup()
  const different = groupDifferences(group, changes)
  const fields = Object.keys(different)
  if (fields.length === 0) return
  await requireAuthority(trx, by, groupId)
  await refuseTakenName('group', async () => await updateGroup(trx, groupId, different, by.now))
  const displayName = changes.display_name ?? group.display_name
  await appendAudit(trx, [groupEntry(by, 'group.update', named(groupId, { displayName }))])
}

/**
 * Its members stay; its role assignments go. Must be the first in its transaction that locks a row.
 * Throws AppError NOT_FOUND, LAST_ADMINISTRATOR, FORBIDDEN, STEP_UP_REQUIRED.
 */
export async function removeGroup(
  trx: Transaction<Database>,
  by: ChangedBy,
  groupId: string,
): Promise<void> {
  await keepAnAdministrator(trx, by.now, async () => {
    const group = await lockGroup(trx, groupId)
    if (group === undefined) throw unknownGroup()
    await requireAuthorityOverGroup(trx, by, groupId)
    const members = await deleteMembers(trx, groupId, 'all')
    const roleAssignments = await deleteRoleAssignments(trx, groupId)
    await updateGroup(trx, groupId, { deleted_at: by.now }, by.now)
    const about = named(groupId, { displayName: group.display_name })
    await appendAudit(trx, [
      groupEntry(by, 'group.delete', { ...about, members: members.length, roleAssignments }),
    ])
  })
}

function groupDifferences(group: GroupRow, changes: GroupChanges): GroupChanges {
  return Object.fromEntries(
    Object.entries(changes).filter(
      ([name, value]) => value !== undefined && value !== group[name as keyof GroupChanges],
    ),
  )
}

function named(groupId: string, { displayName }: { readonly displayName: string }) {
  return { groupId, displayName }
}

export function groupEntry(
  by: ChangedBy,
  action: NewAuditEntry['action'],
  detail: NonNullable<NewAuditEntry['detail']>,
): NewAuditEntry {
  return {
    occurredAt: by.now,
    action,
    outcome: 'success',
    actor: by.actor,
    requestId: by.requestId,
    detail,
  }
}
