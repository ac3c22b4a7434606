/**
 * Takes groups of people and their members from a CSV file: new groups are made, members added, and
 * with `replace` those that the file does not name removed. No group is deleted.
 */

import { randomUUID } from 'node:crypto'
import { CreateGroup, type GROUP_CSV_COLUMNS, type ImportResult } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { keepAnAdministrator } from '../access/keep-an-administrator.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { groupEntry } from './change-group.ts'
import { requireAuthorityOverGroup, type ChangedBy } from './changed-by.ts'
import { fieldForm } from './csv-field.ts'
import {
  eraseMemberships,
  lockGroups,
  selectMemberships,
  shareUserIds,
  writeMemberships,
  type Membership,
} from './csv-queries.ts'
import { refuseTakenName } from './database-refusal.ts'
import { insertGroup, updateGroup } from './group-queries.ts'
import type { ImportErrors } from './import-errors.ts'
import type { CsvRow } from './read-csv.ts'
import { appendAuditInBatches, batchesOf, runImport, type ImportCounts } from './run-import.ts'

type Row = CsvRow<(typeof GROUP_CSV_COLUMNS)[number]>

interface Import {
  readonly by: ChangedBy
  readonly errors: ImportErrors
  readonly isDryRun: boolean
  readonly replacesMembers: boolean
}

/** Throws AppError LAST_ADMINISTRATOR; everything that a row is to blame for is in the result. */
export async function importGroups(
  deps: Deps,
  rows: readonly Row[],
  wanted: Import,
): Promise<ImportResult> {
  return await runImport(deps, wanted, async (trx) =>
    keepAnAdministrator(trx, wanted.by.now, async () => await apply(trx, rows, wanted)),
  )
}

/** All that the file says of one group. */
interface WantedGroup {
  readonly line: number
  readonly name: string
  /** Undefined: stays as it is. */
  description: string | null | undefined
  /** Principal names in lower case, each with its line. */
  readonly members: Map<string, number>
}

interface PlannedGroup {
  readonly id: string
  readonly name: string
  readonly isNew: boolean
  /** Undefined: stays as it is. */
  readonly description: string | null | undefined
  readonly added: Membership[]
  readonly removed: Membership[]
}

async function apply(
  trx: Transaction<Database>,
  rows: readonly Row[],
  wanted: Import,
): Promise<ImportCounts> {
  const { by, errors } = wanted
  const groups = collect(rows, errors)
  const known = await lockGroups(trx, [...groups.keys()])
  const byName = new Map(known.map((group) => [group.display_name.toLowerCase(), group]))
  const names = new Set([...groups.values()].flatMap(({ members }) => [...members.keys()]))
  const userIds = await shareUserIds(trx, [...names])
  const current = await currentMembers(
    trx,
    known.map(({ id }) => id),
  )
  const planned: PlannedGroup[] = []
  let unchanged = 0
  for (const [key, group] of groups) {
    const existing = byName.get(key)
    const id = existing?.id ?? randomUUID()
    const members = memberIds(group, userIds, errors)
    const before = current.get(id) ?? new Set()
    const membership = (userId: string) => ({ group_id: id, user_id: userId })
    const { description } = group
    const plan: PlannedGroup = {
      id,
      name: existing?.display_name ?? group.name,
      isNew: existing === undefined,
      description: description === (existing?.description ?? null) ? undefined : description,
      added: [...members].filter((userId) => !before.has(userId)).map(membership),
      removed: wanted.replacesMembers
        ? [...before].filter((userId) => !members.has(userId)).map(membership)
        : [],
    }
    if (isUnchanged(plan)) unchanged += 1
    else if (await hasAuthority(trx, by, { id, line: group.line }, errors)) planned.push(plan)
  }
  if (errors.count === 0) await write(trx, planned, by)
  const created = planned.filter(({ isNew }) => isNew).length
  return { created, updated: planned.length - created, unchanged }
}

function isUnchanged({ isNew, description, added, removed }: PlannedGroup): boolean {
  return !isNew && description === undefined && added.length === 0 && removed.length === 0
}

const isName = fieldForm(CreateGroup.properties.displayName)
const isDescription = fieldForm(CreateGroup.properties.description)

function collect(rows: readonly Row[], errors: ImportErrors): ReadonlyMap<string, WantedGroup> {
  const groups = new Map<string, WantedGroup>()
  for (const { line, fields } of rows) {
    const { group: name = '', description: text, member = '' } = fields
    if (!isName(name)) {
      errors.add(line, 'It has no valid form.', 'group')
      continue
    }
    if (text !== undefined && text !== '' && !isDescription(text)) {
      errors.add(line, 'It has no valid form.', 'description')
      continue
    }
    const description = text === '' ? null : text
    const key = name.toLowerCase()
    const group = groups.get(key) ?? { line, name, description, members: new Map() }
    groups.set(key, group)
    if (group.description !== description) {
      errors.add(
        line,
        `It differs from that of the same group on line ${group.line}.`,
        'description',
      )
    }
    if (member !== '') group.members.set(member.toLowerCase(), line)
  }
  return groups
}

async function currentMembers(
  trx: Transaction<Database>,
  groupIds: readonly string[],
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const members = new Map<string, Set<string>>()
  for (const { group_id, user_id } of await selectMemberships(trx, groupIds)) {
    const ofGroup = members.get(group_id) ?? new Set()
    members.set(group_id, ofGroup.add(user_id))
  }
  return members
}

function memberIds(
  { members }: WantedGroup,
  userIds: ReadonlyMap<string, string>,
  errors: ImportErrors,
): ReadonlySet<string> {
  const ids = new Set<string>()
  for (const [name, line] of members) {
    const id = userIds.get(name)
    if (id === undefined) errors.add(line, 'There is no user with this principal name.', 'member')
    else ids.add(id)
  }
  return ids
}

async function hasAuthority(
  trx: Transaction<Database>,
  by: ChangedBy,
  group: { readonly id: string; readonly line: number },
  errors: ImportErrors,
): Promise<boolean> {
  try {
    await requireAuthorityOverGroup(trx, by, group.id)
    return true
  } catch (error) {
    // No row is to blame for the sign-in.
    if (!(error instanceof AppError) || error.code === 'STEP_UP_REQUIRED') throw error
    errors.add(group.line, error.message, 'group')
    return false
  }
}

async function write(
  trx: Transaction<Database>,
  groups: readonly PlannedGroup[],
  by: ChangedBy,
): Promise<void> {
  await refuseTakenName('group', async () => {
    for (const { id, name, isNew, description = null } of groups) {
      if (!isNew) continue
      await insertGroup(trx, {
        id,
        display_name: name,
        description,
        source: 'local',
        created_at: by.now,
        updated_at: by.now,
      })
    }
  })
  for (const { id, isNew, description } of groups) {
    if (!isNew && description !== undefined) await updateGroup(trx, id, { description }, by.now)
  }
  for (const batch of batchesOf(groups.flatMap(({ removed }) => removed))) {
    await eraseMemberships(trx, batch)
  }
  for (const batch of batchesOf(groups.flatMap(({ added }) => added))) {
    await writeMemberships(trx, batch, by.now)
  }
  await appendAuditInBatches(
    trx,
    groups.flatMap((group) => {
      const about = { groupId: group.id, displayName: group.name, byImport: true }
      const changed = group.isNew
        ? [groupEntry(by, 'group.create', { ...about, source: 'local' })]
        : [groupEntry(by, 'group.update', about)].filter(() => group.description !== undefined)
      return [
        ...changed,
        ...group.removed.map(({ user_id }) =>
          groupEntry(by, 'group.removeMember', { ...about, userId: user_id }),
        ),
        ...group.added.map(({ user_id }) =>
          groupEntry(by, 'group.addMember', { ...about, userId: user_id }),
        ),
      ]
    }),
  )
}
