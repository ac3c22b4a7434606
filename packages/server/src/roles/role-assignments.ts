/**
 * Role assignments: who holds which role, for what, until when. Only whoever may give any role to
 * anybody, himself included, comes this far; that is what Entra's Privileged Role Administrator is.
 * He must have signed in just now: a stolen session gives nobody a role.
 *
 * Invariant: an assignment that is over gives and denies nothing from that moment on, whether or
 * not its row is still there.
 */

import { randomUUID } from 'node:crypto'
import {
  builtInRole,
  type ChangeRoleAssignment,
  type CreateRoleAssignment,
  type RoleAssignment,
  type RoleAssignmentPage,
  type RoleAssignmentQuery,
} from '@keydesk/contract'
import type { Insertable, Transaction } from 'kysely'
import { auditActor, type ByPrincipal } from '../access/actor.ts'
import { keepAnAdministrator } from '../access/keep-an-administrator.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
import { endTokensBeforeRoles } from '../apps/client-queries.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database, RoleAssignmentTable } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { decodeTimeCursor, pageLimit, pageOf } from '../http/page-cursor.ts'
import {
  deleteAssignment,
  insertAssignment,
  principalExists,
  scopeExists,
  selectAssignment,
  selectAssignments,
  selectSameAssignment,
  updateExpiry,
  type AssignmentRow,
} from './assignment-queries.ts'
import { roleExists } from './role-queries.ts'
import { parseScope, scopeText } from './scope-text.ts'

export async function listRoleAssignments(
  deps: Deps,
  query: RoleAssignmentQuery,
): Promise<RoleAssignmentPage> {
  const limit = pageLimit(query.limit)
  const now = deps.clock.now()
  const rows = await selectAssignments(deps.db, {
    principalId: query.principalId,
    roleId: query.roleId,
    scope: query.scope === undefined ? undefined : parseScope(query.scope),
    after: decodeTimeCursor(query.after),
    limit: limit + 1,
  })
  return pageOf(rows, limit, {
    item: (row) => toAssignment(row, now),
    key: (row) => [row.created_at.toISOString(), row.id],
  })
}

/** Throws AppError NOT_FOUND. */
export async function showRoleAssignment(deps: Deps, id: string): Promise<RoleAssignment> {
  const row = await selectAssignment(deps.db, id)
  if (row === undefined) throw unknownAssignment()
  return toAssignment(row, deps.clock.now())
}

/**
 * Takes the place of the same assignment that is over. Throws AppError STEP_UP_REQUIRED, NOT_FOUND,
 * INVALID_REQUEST, ALREADY_ASSIGNED, LAST_ADMINISTRATOR (for a deny).
 */
export async function createRoleAssignment(
  deps: Deps,
  by: ByPrincipal,
  wanted: CreateRoleAssignment,
): Promise<RoleAssignment> {
  requireRecentSignIn(deps, by.principal)
  const now = deps.clock.now()
  const scope = parseScope(wanted.scope)
  const row = {
    id: randomUUID(),
    principal_id: wanted.principalId,
    role_id: wanted.roleId,
    effect: wanted.effect ?? 'allow',
    scope_type: scope.type,
    administrative_unit_id: scope.type === 'administrativeUnit' ? scope.id : null,
    administrative_unit_kind: scope.type === 'administrativeUnit' ? scope.type : null,
    device_id: scope.type === 'device' ? scope.id : null,
    created_by: by.principal.id,
    created_at: now,
    expires_at: readExpiry(wanted.expiresAt, now),
  } satisfies Insertable<RoleAssignmentTable>
  return await deps.db.transaction().execute((trx) =>
    keepAnAdministrator(trx, now, async () => {
      await requireParts(trx, wanted)
      const same = await selectSameAssignment(trx, row)
      if (same !== undefined) {
        if (same.expires_at === null || same.expires_at > now) {
          throw new AppError('ALREADY_ASSIGNED', `Role assignment ${same.id} says the same.`)
        }
        await deleteAssignment(trx, same.id)
      }
      await insertAssignment(trx, row)
      await endTokensBeforeRoles(trx, row.principal_id, now)
      return await recorded(trx, by, { action: 'roleAssignment.create', id: row.id, now })
    }),
  )
}

/** Throws AppError STEP_UP_REQUIRED, NOT_FOUND, INVALID_REQUEST, LAST_ADMINISTRATOR. */
export async function changeRoleAssignment(
  deps: Deps,
  by: ByPrincipal,
  id: string,
  wanted: ChangeRoleAssignment,
): Promise<RoleAssignment> {
  requireRecentSignIn(deps, by.principal)
  const now = deps.clock.now()
  const expiresAt = readExpiry(wanted.expiresAt, now)
  return await deps.db.transaction().execute((trx) =>
    keepAnAdministrator(trx, now, async () => {
      await updateExpiry(trx, id, expiresAt)
      return await recorded(trx, by, { action: 'roleAssignment.update', id, now })
    }),
  )
}

/** Throws AppError STEP_UP_REQUIRED (a deny goes too), NOT_FOUND, LAST_ADMINISTRATOR. */
export async function removeRoleAssignment(deps: Deps, by: ByPrincipal, id: string): Promise<void> {
  requireRecentSignIn(deps, by.principal)
  const now = deps.clock.now()
  await deps.db.transaction().execute((trx) =>
    keepAnAdministrator(trx, now, async () => {
      await recorded(trx, by, { action: 'roleAssignment.delete', id, now })
      await deleteAssignment(trx, id)
    }),
  )
}

function readExpiry(text: string | null | undefined, now: Date): Date | null {
  if (text === null || text === undefined) return null
  const expiresAt = new Date(text)
  if (!(expiresAt > now)) {
    throw new AppError('INVALID_REQUEST', 'expiresAt is not a time in the future.')
  }
  return expiresAt
}

async function requireParts(
  trx: Transaction<Database>,
  { principalId, roleId, scope }: CreateRoleAssignment,
): Promise<void> {
  if (!(await principalExists(trx, principalId))) {
    throw new AppError('NOT_FOUND', 'There is no user, group or app with this principalId.')
  }
  if (builtInRole(roleId) === undefined && !(await roleExists(trx, roleId))) {
    throw new AppError('NOT_FOUND', 'There is no role with this roleId.')
  }
  if (!(await scopeExists(trx, parseScope(scope)))) {
    throw new AppError('NOT_FOUND', 'The scope names no administrative unit or device.')
  }
}

async function recorded(
  trx: Transaction<Database>,
  by: ByPrincipal,
  change: {
    readonly action: `roleAssignment.${'create' | 'update' | 'delete'}`
    readonly id: string
    readonly now: Date
  },
): Promise<RoleAssignment> {
  const { action, id, now } = change
  const row = await selectAssignment(trx, id)
  if (row === undefined) throw unknownAssignment()
  const assignment = toAssignment(row, now)
  await appendAudit(trx, [
    {
      occurredAt: now,
      action,
      outcome: 'success',
      actor: auditActor(by.principal),
      requestId: by.requestId,
      ...(row.scope_type === 'device' && row.scope_id !== null ? { deviceId: row.scope_id } : {}),
      detail: {
        roleAssignmentId: id,
        principalType: assignment.principal.type,
        principalId: assignment.principal.id,
        principalName: assignment.principal.displayName,
        roleId: assignment.role.id,
        roleName: assignment.role.displayName,
        effect: assignment.effect,
        scope: assignment.scope,
        ...(assignment.expiresAt === undefined ? {} : { expiresAt: assignment.expiresAt }),
      },
    },
  ])
  return assignment
}

function unknownAssignment(): AppError {
  return new AppError('NOT_FOUND', 'There is no role assignment with this ID.')
}

function toAssignment(row: AssignmentRow, now: Date): RoleAssignment {
  const isExpired = row.expires_at !== null && row.expires_at <= now
  return {
    id: row.id,
    principal: {
      id: row.principal_id,
      type: row.principal_type,
      displayName: row.principal_name ?? row.principal_id,
      ...(row.user_principal_name === null ? {} : { userPrincipalName: row.user_principal_name }),
    },
    role: {
      id: row.role_id,
      displayName: builtInRole(row.role_id)?.displayName ?? row.role_name ?? row.role_id,
    },
    effect: row.effect,
    scope: scopeText(row.scope_type, row.scope_id),
    ...(row.scope_name === null ? {} : { scopeName: row.scope_name }),
    state: isExpired ? 'expired' : 'active',
    createdAt: row.created_at.toISOString(),
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at.toISOString() }),
  }
}
