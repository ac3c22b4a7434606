/**
 * What a SCIM client does with groups. A group may hold roles, and who is in it is then the
 * decision of the organisation's directory: that is what it is provisioned for. Such changes have
 * an audit entry of their own that says so; the last administrator is refused.
 */

import { isGuid } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { keepAnAdministrator } from '../access/keep-an-administrator.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { changeGroupMembers } from '../directory/change-group-members.ts'
import { addGroup, changeGroup, groupEntry, removeGroup } from '../directory/change-group.ts'
import type { ChangedBy } from '../directory/changed-by.ts'
import { lockGroup } from '../directory/group-queries.ts'
import { nestedGroup, readGroup, readGroupPatch, type GroupEdit } from './group-edit.ts'
import {
  countRolesOfGroup,
  selectForeignMembers,
  selectProvisionedGroup,
  selectProvisionedMembers,
  type ScimGroupRow,
} from './group-queries.ts'
import { groupVersion } from './group-resource.ts'
import { unknownScimGroup } from './list-scim-groups.ts'
import type { ResourceTarget } from './provision-user.ts'
import type { JsonObject } from './read-value.ts'
import { requireVersion } from './resource-version.ts'
import { ScimError } from './scim-error.ts'

/** Returns the ID. Throws ScimError; AppError NAME_TAKEN, also for the name of a local group. */
export async function createScimGroup(
  deps: Deps,
  by: ChangedBy,
  body: JsonObject,
): Promise<string> {
  const wanted = readGroup(body)
  const { displayName, externalId, members } = wanted
  const known = externalId === undefined || externalId === null ? {} : { externalId }
  return await deps.db.transaction().execute(async (trx) => {
    const add = async (): Promise<string> =>
      await addGroup(trx, by, { displayName }, { source: 'scim', ...known })
    if (members.added.size === 0) return await add()
    return await keepAnAdministrator(trx, by.now, async () => {
      const id = await add()
      await requireUsers(trx, members.added)
      await changeGroupMembers(trx, by, id, { add: [...members.added] })
      return id
    })
  })
}

/** PUT. Throws ScimError; AppError NOT_FOUND, NAME_TAKEN, LAST_ADMINISTRATOR. */
export async function replaceScimGroup(
  deps: Deps,
  by: ChangedBy,
  target: ResourceTarget,
  body: JsonObject,
): Promise<void> {
  await applyEdit(deps, by, target, readGroup(body))
}

/**
 * PATCH: all operations or none. Throws ScimError; AppError NOT_FOUND, NAME_TAKEN,
 * LAST_ADMINISTRATOR.
 */
export async function patchScimGroup(
  deps: Deps,
  by: ChangedBy,
  target: ResourceTarget,
  body: JsonObject,
): Promise<void> {
  await applyEdit(deps, by, target, readGroupPatch(body))
}

/** Throws AppError NOT_FOUND, LAST_ADMINISTRATOR. */
export async function deleteScimGroup(
  deps: Deps,
  by: ChangedBy,
  target: ResourceTarget,
): Promise<void> {
  await withGroup(deps, by, target, { changesMembers: true }, async (trx) => {
    await removeGroup(trx, by, target.id)
  })
}

async function applyEdit(
  deps: Deps,
  by: ChangedBy,
  target: ResourceTarget,
  edit: GroupEdit,
): Promise<void> {
  const { isReplaced, added, removed } = edit.members
  const changesMembers = isReplaced || added.size > 0 || removed.size > 0
  await withGroup(deps, by, target, { changesMembers }, async (trx, group) => {
    await changeGroup(trx, by, group.id, {
      ...(edit.displayName === undefined ? {} : { display_name: edit.displayName }),
      ...(edit.externalId === undefined ? {} : { external_id: edit.externalId }),
    })
    if (!changesMembers) return
    await requireUsers(trx, added)
    const leaving = isReplaced ? 'all' : [...removed]
    const going = await selectProvisionedMembers(trx, group.id, leaving)
    const changed = await changeGroupMembers(trx, by, group.id, { add: [...added], remove: going })
    if (changed.added === 0 && changed.removed === 0) return
    const roleAssignments = await countRolesOfGroup(trx, group.id, by.now)
    if (roleAssignments === 0) return
    const displayName = edit.displayName ?? group.display_name
    const about = { groupId: group.id, displayName, roleAssignments, ...changed }
    await appendAudit(trx, [groupEntry(by, 'group.update', about)])
  })
}

/** Throws ScimError invalidValue: a client must provision users before their membership. */
async function requireUsers(trx: Transaction<Database>, ids: ReadonlySet<string>): Promise<void> {
  const [foreign] = await selectForeignMembers(trx, [...ids])
  if (foreign === undefined) return
  if (foreign.is_group) throw nestedGroup()
  throw new ScimError(
    'invalidValue',
    `There is no user with the ID ${foreign.id}. Provision the user before the membership.`,
  )
}

/** The group is locked: what is decided by what it is now still holds when it is written. */
async function withGroup(
  deps: Deps,
  by: ChangedBy,
  { id, ifMatch }: ResourceTarget,
  { changesMembers }: { readonly changesMembers: boolean },
  act: (trx: Transaction<Database>, group: ScimGroupRow) => Promise<void>,
): Promise<void> {
  if (!isGuid(id)) throw unknownScimGroup()
  await deps.db.transaction().execute(async (trx) => {
    const change = async (): Promise<void> => {
      const isThere = (await lockGroup(trx, id)) !== undefined
      const group = isThere ? await selectProvisionedGroup(trx, id) : undefined
      if (group === undefined) throw unknownScimGroup()
      requireVersion(ifMatch, groupVersion(group))
      await act(trx, group)
    }
    // It makes such changes wait for each other, so the others go without it.
    await (changesMembers ? keepAnAdministrator(trx, by.now, change) : change())
  })
}
