/**
 * Registers, changes and deletes apps. What an app is given is a role: only whoever may give roles
 * gives it. Disabling or deleting one ends its access tokens with the same commit.
 */

import { randomUUID } from 'node:crypto'
import type { AuditAction, ChangeApp, CreateApp } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { auditActor, type ByPrincipal, type PrincipalActor } from '../access/actor.ts'
import { reachesEverywhere } from '../access/grants.ts'
import { GIVE_ROLES, requireAuthorityOver } from '../access/require-authority-over.ts'
import { appendAudit, type NewAuditEntry } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import { refuseTakenName } from '../directory/database-refusal.ts'
import { AppError } from '../errors.ts'
import { unknownApp } from './list-apps.ts'
import {
  deleteRoleAssignmentsOfApp,
  insertApp,
  lockApp,
  revokeCredentials,
  updateApp,
  type AppChanges,
  type AppRow,
} from './queries.ts'

export interface AppChange extends ByPrincipal {
  readonly now: Date
}

/** Returns the ID. Throws AppError NAME_TAKEN, FORBIDDEN. */
export async function addApp(
  trx: Transaction<Database>,
  by: AppChange,
  wanted: CreateApp,
): Promise<string> {
  const { displayName, description, appRoles = [] } = wanted
  if (appRoles.length > 0) requireMayGiveRoles(by.principal)
  const id = randomUUID()
  await refuseTakenName('app', async () => {
    await insertApp(trx, {
      id,
      display_name: displayName,
      description: description ?? null,
      app_roles: [...appRoles],
      created_by: by.principal.id,
      created_at: by.now,
      updated_at: by.now,
    })
  })
  const detail = { appId: id, displayName, appRoles: appRoles.join(' ') }
  await appendAudit(trx, [appEntry(by, 'app.create', detail)])
  return id
}

/** Idempotent. Throws AppError NOT_FOUND, NAME_TAKEN, FORBIDDEN. */
export async function changeApp(
  trx: Transaction<Database>,
  by: AppChange,
  id: string,
  wanted: ChangeApp,
): Promise<void> {
  const app = await lockApp(trx, id)
  if (app === undefined) throw unknownApp()
  const changes = differences(app, wanted)
  if (Object.keys(changes).length === 0) return
  if (changes.app_roles !== undefined) requireMayGiveRoles(by.principal)
  if (changes.is_enabled === true) await requireAuthorityOver(trx, by.principal, id, by.now)
  const cut = changes.is_enabled === false ? { credentials_valid_after: by.now } : {}
  await refuseTakenName('app', async () => {
    await updateApp(trx, id, { ...changes, ...cut }, by.now)
  })
  await appendAudit(trx, changeEntries(by, app, changes))
}

/** Its roles and credentials go with it; its name is free again. Throws AppError NOT_FOUND. */
export async function removeApp(
  trx: Transaction<Database>,
  by: AppChange,
  id: string,
): Promise<void> {
  const app = await lockApp(trx, id)
  if (app === undefined) throw unknownApp()
  const credentials = await revokeCredentials(trx, { appId: id }, by.now)
  const roleAssignments = await deleteRoleAssignmentsOfApp(trx, id)
  const ended = { is_enabled: false, credentials_valid_after: by.now, deleted_at: by.now }
  await updateApp(trx, id, ended, by.now)
  const detail = { appId: id, displayName: app.display_name, roleAssignments }
  await appendAudit(trx, [
    appEntry(by, 'app.delete', { ...detail, credentials: credentials.length }),
  ])
}

export function appEntry(
  by: AppChange,
  action: AuditAction,
  detail: NonNullable<NewAuditEntry['detail']>,
): NewAuditEntry {
  return {
    occurredAt: by.now,
    action,
    outcome: 'success',
    actor: auditActor(by.principal),
    requestId: by.requestId,
    detail,
  }
}

function requireMayGiveRoles(principal: PrincipalActor): void {
  if (reachesEverywhere(principal.grants.reach(GIVE_ROLES))) return
  throw new AppError(
    'FORBIDDEN',
    `To give app roles needs the permission ${GIVE_ROLES} for the whole directory.`,
  )
}

function differences(app: AppRow, wanted: ChangeApp): AppChanges {
  const { displayName, description, isEnabled, appRoles } = wanted
  const isSame = (roles: readonly string[]): boolean =>
    roles.toSorted().join(' ') === app.app_roles.toSorted().join(' ')
  return {
    ...(displayName === undefined || displayName === app.display_name
      ? {}
      : { display_name: displayName }),
    ...(description === undefined || description === app.description ? {} : { description }),
    ...(isEnabled === undefined || isEnabled === app.is_enabled ? {} : { is_enabled: isEnabled }),
    ...(appRoles === undefined || isSame(appRoles) ? {} : { app_roles: [...appRoles] }),
  }
}

function changeEntries(by: AppChange, app: AppRow, changes: AppChanges): NewAuditEntry[] {
  const about = { appId: app.id, displayName: changes.display_name ?? app.display_name }
  const { is_enabled: isEnabled, app_roles: appRoles, ...others } = changes
  const entries: NewAuditEntry[] = []
  if (isEnabled !== undefined) {
    entries.push(appEntry(by, isEnabled ? 'app.enable' : 'app.disable', about))
  }
  if (appRoles !== undefined || Object.keys(others).length > 0) {
    const roles = appRoles === undefined ? {} : { appRoles: appRoles.join(' ') }
    entries.push(appEntry(by, 'app.update', { ...about, ...roles }))
  }
  return entries
}
