/**
 * What a SCIM client does with users. The rules are the directory's own (`directory/`): whoever is
 * disabled or deleted loses every session and token in the same transaction, and the last
 * administrator is refused. Accounts that were made here do not exist for a SCIM client.
 */

import { isGuid } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { keepAnAdministrator } from '../access/keep-an-administrator.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { addUser } from '../directory/add-user.ts'
import { changeUser } from '../directory/change-user.ts'
import type { ChangedBy } from '../directory/changed-by.ts'
import { removeUser } from '../directory/remove-user.ts'
import { lockUser, selectUser, type UserRow } from '../directory/user-queries.ts'
import { unknownScimUser } from './list-scim-users.ts'
import { patchUser } from './patch-user.ts'
import type { JsonObject } from './read-value.ts'
import { requireVersion } from './resource-version.ts'
import { changesOf, draftOf, readUser, type UserDraft } from './user-draft.ts'
import { markProvisioned } from './user-queries.ts'
import { userVersion } from './user-resource.ts'

/** Which user, and the version that the client saw (`If-Match`). */
export interface ResourceTarget {
  readonly id: string
  readonly ifMatch: string | undefined
}

/** Returns the ID. Throws ScimError; AppError NAME_TAKEN, also for the name of a local account. */
export async function createScimUser(deps: Deps, by: ChangedBy, body: JsonObject): Promise<string> {
  const wanted = changesOf(readUser(body))
  const row = await deps.db.transaction().execute(async (trx) => {
    const user = {
      userPrincipalName: wanted.user_principal_name,
      displayName: wanted.display_name,
      ...(wanted.given_name === null ? {} : { givenName: wanted.given_name }),
      ...(wanted.family_name === null ? {} : { familyName: wanted.family_name }),
      ...(wanted.mail === null ? {} : { mail: wanted.mail }),
      ...(wanted.department === null ? {} : { department: wanted.department }),
      isActive: wanted.is_active,
    }
    const { external_id: externalId } = wanted
    const origin = { source: 'scim', ...(externalId === null ? {} : { externalId }) } as const
    return await addUser(trx, by, user, origin)
  })
  return row.id
}

/** PUT. Throws ScimError; AppError NOT_FOUND, NAME_TAKEN, LAST_ADMINISTRATOR. */
export async function replaceScimUser(
  deps: Deps,
  by: ChangedBy,
  target: ResourceTarget,
  body: JsonObject,
): Promise<void> {
  await changeDraft(deps, by, target, (row) => {
    const draft = readUser(body, row)
    // Okta leaves it out where it does not map it; without other names it stays.
    const isNamed = draft.formattedName ?? draft.givenName ?? draft.familyName
    if (draft.displayName === null && isNamed === null) draft.displayName = row.display_name
    return draft
  })
}

/**
 * PATCH: all operations or none. Throws ScimError; AppError NOT_FOUND, NAME_TAKEN,
 * LAST_ADMINISTRATOR.
 */
export async function patchScimUser(
  deps: Deps,
  by: ChangedBy,
  target: ResourceTarget,
  body: JsonObject,
): Promise<void> {
  await changeDraft(deps, by, target, (row) => {
    const draft = draftOf(row)
    patchUser(draft, body)
    return draft
  })
}

/** Throws AppError NOT_FOUND, LAST_ADMINISTRATOR. */
export async function deleteScimUser(
  deps: Deps,
  by: ChangedBy,
  target: ResourceTarget,
): Promise<void> {
  await withUser(deps, by, target, { mayDisable: true }, async (trx) => {
    await removeUser(trx, by, target.id)
  })
}

async function changeDraft(
  deps: Deps,
  by: ChangedBy,
  target: ResourceTarget,
  change: (row: UserRow) => UserDraft,
): Promise<void> {
  const seen = isGuid(target.id) ? await selectUser(deps.db, target.id) : undefined
  if (seen === undefined || seen.source === 'local') throw unknownScimUser()
  // If this does not set him inactive, it does not either once he is locked.
  const mayDisable = !change(seen).active
  await withUser(deps, by, target, { mayDisable }, async (trx, row) => {
    await changeUser(trx, by, target.id, changesOf(change(row)))
    if (row.source === 'issuer') await adopt(trx, by, row)
  })
}

/**
 * Who signed in before he was provisioned: from now on his names follow the SCIM client and no
 * longer what the issuer says at each sign-in (`sign-in/resolve-user.ts`).
 */
async function adopt(trx: Transaction<Database>, by: ChangedBy, row: UserRow): Promise<void> {
  await markProvisioned(trx, row.id)
  await appendAudit(trx, [
    {
      occurredAt: by.now,
      action: 'user.update',
      outcome: 'success',
      actor: by.actor,
      requestId: by.requestId,
      detail: { userId: row.id, userPrincipalName: row.user_principal_name, source: 'scim' },
    },
  ])
}

/** The user is locked: what is decided by what he is now still holds when it is written. */
async function withUser(
  deps: Deps,
  by: ChangedBy,
  { id, ifMatch }: ResourceTarget,
  { mayDisable }: { readonly mayDisable: boolean },
  act: (trx: Transaction<Database>, row: UserRow) => Promise<void>,
): Promise<void> {
  if (!isGuid(id)) throw unknownScimUser()
  await deps.db.transaction().execute(async (trx) => {
    const change = async (): Promise<void> => {
      const row = await lockUser(trx, id)
      if (row === undefined || row.source === 'local') throw unknownScimUser()
      requireVersion(ifMatch, userVersion(row))
      await act(trx, row)
    }
    // It makes such changes wait for each other, so the others go without it.
    await (mayDisable ? keepAnAdministrator(trx, by.now, change) : change())
  })
}
