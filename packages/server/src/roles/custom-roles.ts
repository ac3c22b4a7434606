/**
 * Roles: the built-in ones of the contract, and custom ones. Whoever may make roles cannot climb by
 * it: to change what a role permits that somebody already holds is to give a right away, and needs
 * the permission for that too.
 */

import { randomUUID } from 'node:crypto'
import {
  BUILT_IN_ROLES,
  builtInRole,
  type BuiltInRole,
  type ChangeRole,
  type CreateRole,
  type Role,
  type RolePage,
  type RoleQuery,
} from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { auditActor, type ByPrincipal, type PrincipalActor } from '../access/actor.ts'
import { reachesEverywhere } from '../access/grants.ts'
import { keepAnAdministrator } from '../access/keep-an-administrator.ts'
import { GIVE_ROLES } from '../access/require-authority-over.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { decodeNameCursor, pageLimit, pageOf } from '../http/page-cursor.ts'
import {
  countUses,
  deleteRole,
  insertRole,
  isNameTaken,
  lockRole,
  selectRole,
  selectRoles,
  updateRole,
  type RoleRow,
} from './role-queries.ts'

/** Built-in roles come on the first page, beyond its limit. */
export async function listRoles(deps: Deps, query: RoleQuery): Promise<RolePage> {
  const limit = pageLimit(query.limit)
  const after = decodeNameCursor(query.after)
  const rows = await selectRoles(deps.db, { after, limit: limit + 1 })
  const page = pageOf(rows, limit, { item: toRole, key: (row) => [row.sort_name, row.id] })
  const builtIn = after === undefined ? BUILT_IN_ROLES.map(fromBuiltIn) : []
  return { ...page, items: [...builtIn, ...page.items] }
}

/** Throws AppError NOT_FOUND. */
export async function showRole(deps: Deps, id: string): Promise<Role> {
  const builtIn = builtInRole(id)
  if (builtIn !== undefined) return fromBuiltIn(builtIn)
  const row = await selectRole(deps.db, id)
  if (row === undefined) throw unknownRole()
  return toRole(row)
}

/** Throws AppError STEP_UP_REQUIRED, NAME_TAKEN. */
export async function createRole(deps: Deps, by: ByPrincipal, wanted: CreateRole): Promise<Role> {
  requireRecentSignIn(deps, by.principal)
  const now = deps.clock.now()
  const id = randomUUID()
  return await deps.db.transaction().execute((trx) =>
    // Takes nothing away; but so roles change one after the other, and a name is taken once.
    keepAnAdministrator(trx, now, async () => {
      await requireFreeName(trx, wanted.displayName, id)
      const row = await insertRole(trx, {
        id,
        display_name: wanted.displayName,
        description: wanted.description ?? null,
        permissions: wanted.permissions,
        created_by: by.principal.id,
        created_at: now,
        updated_at: now,
      })
      await record(trx, by, 'role.create', row, now)
      return toRole(row)
    }),
  )
}

/** Throws AppError STEP_UP_REQUIRED, NOT_FOUND, NAME_TAKEN, FORBIDDEN, LAST_ADMINISTRATOR. */
export async function changeRole(
  deps: Deps,
  by: ByPrincipal,
  id: string,
  wanted: ChangeRole,
): Promise<Role> {
  if (builtInRole(id) !== undefined) throw builtInStays()
  requireRecentSignIn(deps, by.principal)
  const now = deps.clock.now()
  return await deps.db.transaction().execute((trx) =>
    // A role that is denied to somebody may now deny giving roles.
    keepAnAdministrator(trx, now, async () => {
      const row = await lockRole(trx, id)
      if (row === undefined) throw unknownRole()
      if (wanted.permissions !== undefined) await requireRightToWiden(trx, by.principal, id)
      if (wanted.displayName !== undefined) await requireFreeName(trx, wanted.displayName, id)
      const changed = await updateRole(trx, {
        ...row,
        display_name: wanted.displayName ?? row.display_name,
        description: wanted.description === undefined ? row.description : wanted.description,
        permissions: wanted.permissions ?? row.permissions,
        updated_at: now,
      })
      await record(trx, by, 'role.update', changed, now)
      return toRole(changed)
    }),
  )
}

/** Throws AppError NOT_FOUND, IN_USE. */
export async function removeRole(deps: Deps, by: ByPrincipal, id: string): Promise<void> {
  if (builtInRole(id) !== undefined) throw builtInStays()
  const now = deps.clock.now()
  await deps.db.transaction().execute(async (trx) => {
    const row = await lockRole(trx, id)
    if (row === undefined) throw unknownRole()
    const { assignments, rules } = await countUses(trx, id)
    if (assignments + rules > 0) {
      throw new AppError(
        'IN_USE',
        `The role is named by ${assignments} role assignments and ${rules} budgets and approval rules. Remove them first.`,
      )
    }
    await deleteRole(trx, id)
    await record(trx, by, 'role.delete', row, now)
  })
}

async function requireRightToWiden(
  trx: Transaction<Database>,
  principal: PrincipalActor,
  id: string,
): Promise<void> {
  if (reachesEverywhere(principal.grants.reach(GIVE_ROLES))) return
  const { assignments } = await countUses(trx, id)
  if (assignments === 0) return
  throw new AppError(
    'FORBIDDEN',
    `Somebody holds this role: to change what it permits needs the permission ${GIVE_ROLES} for the whole directory.`,
  )
}

async function requireFreeName(
  trx: Transaction<Database>,
  displayName: string,
  exceptId: string,
): Promise<void> {
  const isBuiltIn = BUILT_IN_ROLES.some(
    (role) => role.displayName.toLowerCase() === displayName.toLowerCase(),
  )
  if (isBuiltIn || (await isNameTaken(trx, displayName, exceptId))) {
    throw new AppError('NAME_TAKEN', 'Another role has this name. Choose another one.')
  }
}

async function record(
  trx: Transaction<Database>,
  by: ByPrincipal,
  action: 'role.create' | 'role.update' | 'role.delete',
  row: RoleRow,
  now: Date,
): Promise<void> {
  await appendAudit(trx, [
    {
      occurredAt: now,
      action,
      outcome: 'success',
      actor: auditActor(by.principal),
      requestId: by.requestId,
      detail: {
        roleId: row.id,
        displayName: row.display_name,
        permissions: row.permissions.join(' '),
      },
    },
  ])
}

function unknownRole(): AppError {
  return new AppError('NOT_FOUND', 'There is no role with this ID.')
}

function builtInStays(): AppError {
  return new AppError('FORBIDDEN', 'Built-in roles cannot be changed. Make a custom role.')
}

function fromBuiltIn({ id, displayName, description, permissions }: BuiltInRole): Role {
  return { id, displayName, description, isBuiltIn: true, permissions: [...permissions] }
}

function toRole(row: RoleRow): Role {
  return {
    id: row.id,
    displayName: row.display_name,
    ...(row.description === null ? {} : { description: row.description }),
    isBuiltIn: false,
    permissions: row.permissions,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}
