/**
 * Registers, changes and deletes apps. What an app is given is a role: only whoever may give roles
 * gives it, after a recent sign-in: an app could do without any what its maker could not do with
 * an old one. Disabling or deleting one ends its access tokens with the same commit.
 */

import { randomUUID } from 'node:crypto'
import type { AuditAction, ChangeApp, CreateApp } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { auditActor, type ByPrincipal } from '../access/actor.ts'
import { reachesEverywhere } from '../access/grants.ts'
import { GIVE_ROLES, requireAuthorityOver } from '../access/require-authority-over.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
import { appendAudit, type NewAuditEntry } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { refuseTakenName } from '../directory/database-refusal.ts'
import { AppError } from '../errors.ts'
import { endTokensBeforeRoles } from './client-queries.ts'
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
  /** By which the sign-in of whoever asks is judged. */
  readonly deps: Pick<Deps, 'config' | 'clock'>
}

/** Returns the ID. Throws AppError NAME_TAKEN, FORBIDDEN, STEP_UP_REQUIRED. */
export async function addApp(
  trx: Transaction<Database>,
  by: AppChange,
  wanted: CreateApp,
): Promise<string> {
  const { displayName, description, appRoles = [], externalClientId } = wanted
  // The issuer names app roles in the tokens of such a client.
  if (appRoles.length > 0 || externalClientId !== undefined) requireMayGiveRoles(by)
  const id = randomUUID()
  await refuseTakenName('app', async () => {
    await insertApp(trx, {
      id,
      display_name: displayName,
      description: description ?? null,
      app_roles: [...appRoles],
      external_client_id: externalClientId ?? null,
      created_by: by.principal.id,
      created_at: by.now,
      updated_at: by.now,
    })
  })
  const detail = { appId: id, displayName, appRoles: appRoles.join(' ') }
  const client = externalClientId === undefined ? {} : { externalClientId }
  await appendAudit(trx, [appEntry(by, 'app.create', { ...detail, ...client })])
  return id
}

/** Idempotent. Throws AppError NOT_FOUND, NAME_TAKEN, FORBIDDEN, STEP_UP_REQUIRED. */
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
  if (changes.app_roles !== undefined || changes.external_client_id !== undefined) {
    requireMayGiveRoles(by)
  }
  if (changes.is_enabled === true) {
    await requireAuthorityOver(trx, by.principal, id, by.now)
    requireRecentSignIn(by.deps, by.principal)
  }
  const isCut = changes.is_enabled === false || changes.external_client_id !== undefined
  const cut = isCut ? { credentials_valid_after: by.now } : {}
  await refuseTakenName('app', async () => {
    await updateApp(trx, id, { ...changes, ...cut }, by.now)
  })
  if (changes.app_roles !== undefined) await endTokensBeforeRoles(trx, id, by.now)
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

function requireMayGiveRoles({ principal, deps }: AppChange): void {
  if (!reachesEverywhere(principal.grants.reach(GIVE_ROLES))) {
    throw new AppError(
      'FORBIDDEN',
      `To give app roles needs the permission ${GIVE_ROLES} for the whole directory.`,
    )
  }
  requireRecentSignIn(deps, principal)
}

function differences(app: AppRow, wanted: ChangeApp): AppChanges {
  const { displayName, description, isEnabled, appRoles, externalClientId } = wanted
  const isSame = (roles: readonly string[]): boolean =>
    roles.toSorted().join(' ') === app.app_roles.toSorted().join(' ')
  return {
    ...(displayName === undefined || displayName === app.display_name
      ? {}
      : { display_name: displayName }),
    ...(description === undefined || description === app.description ? {} : { description }),
    ...(isEnabled === undefined || isEnabled === app.is_enabled ? {} : { is_enabled: isEnabled }),
    ...(appRoles === undefined || isSame(appRoles) ? {} : { app_roles: [...appRoles] }),
    ...(externalClientId === undefined || externalClientId === app.external_client_id
      ? {}
      : { external_client_id: externalClientId }),
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
    const { external_client_id: client } = others
    const external = client === undefined ? {} : { externalClientId: client ?? 'none' }
    entries.push(appEntry(by, 'app.update', { ...about, ...roles, ...external }))
  }
  return entries
}
