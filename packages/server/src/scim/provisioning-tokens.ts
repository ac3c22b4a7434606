/**
 * Tokens of SCIM clients: made, listed and revoked by administrators. The token is in the answer
 * that makes it and nowhere else; the database has a hash of it.
 *
 * Whoever has a token decides who is in the provisioned groups, those with roles among them. So
 * only somebody who may give roles makes one; anybody who manages provisioning may revoke one.
 */

import { randomUUID } from 'node:crypto'
import type {
  CreatedProvisioningToken,
  CreateProvisioningToken,
  ProvisioningToken,
  ProvisioningTokenPage,
  ProvisioningTokenQuery,
} from '@keydesk/contract'
import { auditActor, type PrincipalActor } from '../access/actor.ts'
import { requireRecentSignIn } from '../access/require-recent-sign-in.ts'
import { GIVE_ROLES } from '../access/require-authority-over.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'
import { requireEverywhere } from '../directory/require-everywhere.ts'
import { AppError } from '../errors.ts'
import { decodeTimeCursor, pageLimit, pageOf } from '../http/page-cursor.ts'
import { createProvisioningSecret, hashProvisioningSecret } from './provisioning-secret.ts'
import {
  insertProvisioningToken,
  lockProvisioningToken,
  revokeProvisioningTokenRow,
  selectProvisioningTokens,
  type TokenRow,
} from './provisioning-token-queries.ts'

interface ByPrincipal {
  readonly principal: PrincipalActor
  readonly requestId: string
}

/** Throws AppError STEP_UP_REQUIRED: whoever has the token can make and disable anybody. */
/** Throws AppError FORBIDDEN. */
export async function createProvisioningToken(
  deps: Deps,
  by: ByPrincipal,
  wanted: CreateProvisioningToken,
): Promise<CreatedProvisioningToken> {
  requireRecentSignIn(deps, by.principal)
  requireEverywhere(by.principal, GIVE_ROLES)
  const now = deps.clock.now()
  const id = randomUUID()
  const expiresAt = new Date(now.getTime() + wanted.expiresInSeconds * 1000)
  const secret = createProvisioningSecret(id)
  const row = await deps.db.transaction().execute(async (trx) => {
    const inserted = await insertProvisioningToken(trx, {
      id,
      name: wanted.name,
      token_hash: hashProvisioningSecret(deps.keyring, { id, expiresAt }, secret.reveal()),
      created_by: by.principal.id,
      created_at: now,
      expires_at: expiresAt,
    })
    await appendAudit(trx, [
      {
        occurredAt: now,
        action: 'provisioningToken.create',
        outcome: 'success',
        actor: auditActor(by.principal),
        requestId: by.requestId,
        detail: {
          provisioningTokenId: id,
          name: wanted.name,
          expiresAt: expiresAt.toISOString(),
        },
      },
    ])
    return inserted
  })
  return { ...toToken(row, now), token: secret.reveal() }
}

export async function listProvisioningTokens(
  deps: Deps,
  query: ProvisioningTokenQuery,
): Promise<ProvisioningTokenPage> {
  const limit = pageLimit(query.limit)
  const now = deps.clock.now()
  const after = decodeTimeCursor(query.after)
  const rows = await selectProvisioningTokens(deps.db, { after, limit: limit + 1 })
  return pageOf(rows, limit, {
    item: (row) => toToken(row, now),
    key: (row) => [row.created_at.toISOString(), row.id],
  })
}

/** Idempotent. Throws AppError NOT_FOUND. */
export async function revokeProvisioningToken(
  deps: Deps,
  by: ByPrincipal,
  id: string,
): Promise<ProvisioningToken> {
  const now = deps.clock.now()
  return await deps.db.transaction().execute(async (trx) => {
    const row = await lockProvisioningToken(trx, id)
    if (row === undefined) {
      throw new AppError('NOT_FOUND', 'There is no provisioning token with this ID.')
    }
    if (row.revoked_at !== null) return toToken(row, now)
    const revoked = await revokeProvisioningTokenRow(trx, id, now)
    await appendAudit(trx, [
      {
        occurredAt: now,
        action: 'provisioningToken.revoke',
        outcome: 'success',
        actor: auditActor(by.principal),
        requestId: by.requestId,
        detail: { provisioningTokenId: id, name: row.name },
      },
    ])
    return toToken(revoked, now)
  })
}

function toToken(row: TokenRow, now: Date): ProvisioningToken {
  return {
    id: row.id,
    name: row.name,
    state: tokenState(row, now),
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    ...(row.last_used_at === null ? {} : { lastUsedAt: row.last_used_at.toISOString() }),
    ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at.toISOString() }),
  }
}

function tokenState(row: TokenRow, now: Date): ProvisioningToken['state'] {
  if (row.revoked_at !== null) return 'revoked'
  return row.expires_at <= now ? 'expired' : 'active'
}
