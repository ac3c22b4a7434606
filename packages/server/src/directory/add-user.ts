/**
 * Adds a user. He cannot sign in with the built-in issuer before somebody invites him: that is
 * another permission.
 */

import { randomUUID } from 'node:crypto'
import type { CreateUser } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { ChangedBy } from './changed-by.ts'
import { refuseTakenName } from './database-refusal.ts'
import { insertUser, type UserRow } from './user-queries.ts'

/** What only provisioning and sign-in know of a user. */
export interface UserOrigin {
  readonly source: 'local' | 'issuer' | 'scim'
  /** SCIM externalId. */
  readonly externalId?: string
  /** The external issuer's `iss` and name of the user. */
  readonly identity?: { readonly issuer: string; readonly subject: string }
}

/** Throws AppError NAME_TAKEN. */
export async function addUser(
  trx: Transaction<Database>,
  by: ChangedBy,
  user: CreateUser,
  origin: UserOrigin = { source: 'local' },
): Promise<UserRow> {
  const row = await refuseTakenName(
    'user',
    async () =>
      await insertUser(trx, {
        id: randomUUID(),
        user_principal_name: user.userPrincipalName,
        display_name: user.displayName,
        given_name: user.givenName ?? null,
        family_name: user.familyName ?? null,
        mail: user.mail ?? null,
        department: user.department ?? null,
        is_active: user.isActive ?? true,
        source: origin.source,
        external_id: origin.externalId ?? null,
        issuer: origin.identity?.issuer ?? null,
        subject: origin.identity?.subject ?? null,
        created_at: by.now,
        updated_at: by.now,
      }),
  )
  await appendAudit(trx, [
    {
      occurredAt: by.now,
      action: 'user.create',
      outcome: 'success',
      actor: by.actor,
      requestId: by.requestId,
      detail: {
        userId: row.id,
        userPrincipalName: row.user_principal_name,
        source: origin.source,
        isActive: row.is_active,
      },
    },
  ])
  return row
}
