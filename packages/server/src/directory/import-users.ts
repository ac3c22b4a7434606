/**
 * Takes users from a CSV file: new ones are added, known ones changed, nobody is deleted. A new
 * user cannot sign in with the built-in issuer before somebody invites him.
 */

import { randomUUID } from 'node:crypto'
import {
  CreateUser,
  type USER_CSV_COLUMNS,
  type ImportResult,
  type PermissionName,
  isGuid,
} from '@keydesk/contract'
import type { Transaction } from 'kysely'
import type { PrincipalActor } from '../access/actor.ts'
import { reachesEverywhere } from '../access/grants.ts'
import { keepAnAdministrator } from '../access/keep-an-administrator.ts'
import { AppError } from '../errors.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { differences, userEntries } from './change-user.ts'
import { requireAuthority, type ChangedBy } from './changed-by.ts'
import { fieldForm } from './csv-field.ts'
import { insertUsers, lockUsers, updateUsers, type ImportedUser } from './csv-queries.ts'
import { refuseTakenName } from './database-refusal.ts'
import { endSignIns } from './end-sign-ins.ts'
import type { ImportErrors } from './import-errors.ts'
import type { CsvRow } from './read-csv.ts'
import { appendAuditInBatches, batchesOf, runImport, type ImportCounts } from './run-import.ts'
import type { UserChanges, UserRow } from './user-queries.ts'

type Row = CsvRow<(typeof USER_CSV_COLUMNS)[number]>

interface Import {
  readonly by: ChangedBy & { readonly principal: PrincipalActor }
  readonly errors: ImportErrors
  readonly isDryRun: boolean
}

/** Throws AppError LAST_ADMINISTRATOR; everything that a row is to blame for is in the result. */
export async function importUsers(
  deps: Deps,
  rows: readonly Row[],
  wanted: Import,
): Promise<ImportResult> {
  return await runImport(deps, wanted, async (trx) =>
    keepAnAdministrator(trx, wanted.by.now, async () => await apply(trx, rows, wanted)),
  )
}

/** What one row wants, in the table's words. */
interface Wanted {
  readonly row: Row
  readonly changes: UserChanges
}

interface Plan {
  readonly added: ImportedUser[]
  readonly updated: { readonly user: ImportedUser; readonly changes: UserChanges }[]
  unchanged: number
}

async function apply(
  trx: Transaction<Database>,
  rows: readonly Row[],
  { by, errors }: Import,
): Promise<ImportCounts> {
  const wanted = rows.flatMap((row) => read(row, errors) ?? [])
  const known = await lockUsers(trx, {
    ids: wanted.flatMap(({ row }) => row.fields.id || []),
    names: wanted.flatMap(({ changes }) => changes.user_principal_name?.toLowerCase() ?? []),
  })
  const plan = await makePlan(trx, { known, wanted }, { by, errors })
  if (errors.count === 0) await write(trx, plan, by)
  return {
    created: plan.added.length,
    updated: plan.updated.length,
    unchanged: plan.unchanged,
  }
}

const FORMS = {
  user_principal_name: ['userPrincipalName', CreateUser.properties.userPrincipalName],
  display_name: ['displayName', CreateUser.properties.displayName],
  given_name: ['givenName', CreateUser.properties.givenName],
  family_name: ['familyName', CreateUser.properties.familyName],
  mail: ['mail', CreateUser.properties.mail],
  department: ['department', CreateUser.properties.department],
} as const
const FIELDS = Object.entries(FORMS).map(([name, [column, schema]]) => ({
  name: name as keyof typeof FORMS,
  column,
  isForm: fieldForm(schema),
}))
/** Undefined after an error. */
function read(row: Row, errors: ImportErrors): Wanted | undefined {
  const before = errors.count
  const changes: UserChanges = {}
  for (const { name, column, isForm } of FIELDS) {
    const text = row.fields[column]
    if (text === undefined) continue
    const isNeeded = name === 'user_principal_name' || name === 'display_name'
    if (text === '' && !isNeeded) changes[name] = null
    else if (isForm(text)) changes[name] = text
    else errors.add(row.line, text === '' ? 'A user needs one.' : 'It has no valid form.', column)
  }
  const { id = '', isActive } = row.fields
  if (id !== '' && !isGuid(id)) errors.add(row.line, 'It is not a GUID.', 'id')
  if (isActive !== undefined) {
    if (/^(true|false)$/i.test(isActive)) changes.is_active = isActive.toLowerCase() === 'true'
    else errors.add(row.line, 'It is neither true nor false.', 'isActive')
  }
  if (id === '' && changes.user_principal_name === undefined && errors.count === before) {
    errors.add(row.line, 'A user is found by this or by his ID.', 'userPrincipalName')
  }
  return errors.count === before ? { row, changes } : undefined
}

async function makePlan(
  trx: Transaction<Database>,
  { known, wanted }: { readonly known: readonly UserRow[]; readonly wanted: readonly Wanted[] },
  { by, errors }: Pick<Import, 'by' | 'errors'>,
): Promise<Plan> {
  const byId = new Map(known.map((user) => [user.id, user]))
  const byName = new Map(known.map((user) => [user.user_principal_name.toLowerCase(), user]))
  const lineOfName = new Map<string, number>()
  const lineOfUser = new Map<string, number>()
  const plan: Plan = { added: [], updated: [], unchanged: 0 }
  const may = createPermissionCheck(by.principal)
  for (const { row, changes } of wanted) {
    const { id = '' } = row.fields
    const name = changes.user_principal_name?.toLowerCase()
    const named = name === undefined ? undefined : byName.get(name)
    const user = id === '' ? named : byId.get(id)
    const reject = (message: string, column?: string) => errors.add(row.line, message, column)
    const earlier =
      (name === undefined ? undefined : lineOfName.get(name)) ??
      (user === undefined ? undefined : lineOfUser.get(user.id))
    if (name !== undefined) lineOfName.set(name, row.line)
    if (user !== undefined) lineOfUser.set(user.id, row.line)
    if (earlier !== undefined) reject(`The same user is on line ${earlier}.`)
    else if (user === undefined && id !== '') reject('There is no user with this ID.', 'id')
    else if (user === undefined) addNew(plan, changes, reject)
    else if (named !== undefined && named.id !== user.id) {
      reject('Another user has this name.', 'userPrincipalName')
    } else {
      const different = differences(user, changes)
      if (Object.keys(different).length === 0) plan.unchanged += 1
      else if (may(different, reject) && (await hasAuthority(trx, by, user.id, reject))) {
        plan.updated.push({ user: { ...user, ...different }, changes: different })
      }
    }
  }
  return plan
}

type Reject = (message: string, column?: string) => void

function addNew(plan: Plan, changes: UserChanges, reject: Reject): void {
  const { user_principal_name: name, display_name: displayName } = changes
  if (name === undefined) return
  if (displayName === undefined) {
    reject('A new user needs one.', 'displayName')
    return
  }
  plan.added.push({
    id: randomUUID(),
    given_name: null,
    family_name: null,
    mail: null,
    department: null,
    is_active: true,
    ...changes,
    user_principal_name: name,
    display_name: displayName,
  })
}

/** The route let in whoever may add users; changing and disabling them are other permissions. */
function createPermissionCheck(principal: PrincipalActor) {
  const holds = (permission: PermissionName): boolean =>
    reachesEverywhere(principal.grants.reach(permission))
  const mayUpdate = holds('microsoft.directory/users/basic/update')
  const mayDisable = holds('microsoft.directory/users/disable')
  return ({ is_active, ...rest }: UserChanges, reject: Reject): boolean => {
    if (!mayUpdate && Object.keys(rest).length > 0) reject('You may not change users.')
    else if (!mayDisable && is_active !== undefined) {
      reject('You may not disable and enable users.', 'isActive')
    } else return true
    return false
  }
}

async function hasAuthority(
  trx: Transaction<Database>,
  by: ChangedBy,
  userId: string,
  reject: Reject,
): Promise<boolean> {
  try {
    await requireAuthority(trx, by, userId)
    return true
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    reject(error.message)
    return false
  }
}

async function write(trx: Transaction<Database>, plan: Plan, by: ChangedBy): Promise<void> {
  await refuseTakenName('user', async () => {
    for (const batch of batchesOf(plan.added)) await insertUsers(trx, batch, by.now)
    for (const batch of batchesOf(plan.updated)) {
      const users = batch.map(({ user }) => user)
      await updateUsers(trx, users, by.now)
    }
  })
  const disabled = plan.updated.filter(({ changes }) => changes.is_active === false)
  await endSignIns(
    trx,
    disabled.map(({ user }) => user.id),
    by.now,
  )
  await appendAuditInBatches(trx, [
    ...plan.added.map((user) => ({
      occurredAt: by.now,
      action: 'user.create' as const,
      outcome: 'success' as const,
      actor: by.actor,
      requestId: by.requestId,
      detail: {
        userId: user.id,
        userPrincipalName: user.user_principal_name,
        source: 'local',
        isActive: user.is_active,
        byImport: true,
      },
    })),
    ...plan.updated.flatMap(({ user, changes }) => userEntries(by, user, changes)),
  ])
}
