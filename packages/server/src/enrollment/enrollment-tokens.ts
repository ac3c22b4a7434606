/**
 * Enrolment tokens: made, listed and revoked by administrators. The token is in the answer that
 * makes it and nowhere else; the database has its hash.
 */

import { randomUUID } from 'node:crypto'
import type {
  CreateEnrollmentToken,
  CreatedEnrollmentToken,
  EnrollmentToken,
  EnrollmentTokenPage,
  EnrollmentTokenQuery,
} from '@keydesk/contract'
import { auditActor, type PrincipalActor } from '../access/actor.ts'
import { createSecretToken, hashSecretToken } from '../access/secret-token.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { decodeTimeCursor, pageLimit, pageOf } from '../http/page-cursor.ts'
import { insertToken, revokeToken, selectTokens, type TokenRow } from './queries.ts'

export interface ByPrincipal {
  readonly principal: PrincipalActor
  readonly requestId: string
}

export async function createEnrollmentToken(
  deps: Deps,
  by: ByPrincipal,
  wanted: CreateEnrollmentToken,
): Promise<CreatedEnrollmentToken> {
  const now = deps.clock.now()
  const token = createSecretToken('enroll')
  const row = await deps.db.transaction().execute(async (trx) => {
    const inserted = await insertToken(trx, {
      id: randomUUID(),
      name: wanted.name,
      group_name: wanted.groupName ?? null,
      token_hash: hashSecretToken(deps.keyring, token.reveal()),
      uses_max: wanted.usesMax,
      created_by: by.principal.id,
      created_at: now,
      expires_at: new Date(now.getTime() + wanted.expiresInSeconds * 1000),
    })
    await appendAudit(trx, [
      {
        occurredAt: now,
        action: 'enrollmentToken.create',
        outcome: 'success',
        actor: auditActor(by.principal),
        requestId: by.requestId,
        detail: {
          enrollmentTokenId: inserted.id,
          usesMax: inserted.uses_max,
          expiresAt: inserted.expires_at.toISOString(),
        },
      },
    ])
    return inserted
  })
  return { ...toToken(row, now), token: token.reveal() }
}

export async function listEnrollmentTokens(
  deps: Deps,
  query: EnrollmentTokenQuery,
): Promise<EnrollmentTokenPage> {
  const limit = pageLimit(query.limit)
  const now = deps.clock.now()
  const after = decodeTimeCursor(query.after)
  const rows = await selectTokens(deps.db, { after, limit: limit + 1 })
  return pageOf(rows, limit, {
    item: (row) => toToken(row, now),
    key: (row) => [row.created_at.toISOString(), row.id],
  })
}

/** Idempotent. Throws AppError NOT_FOUND. */
export async function revokeEnrollmentToken(
  deps: Deps,
  by: ByPrincipal,
  id: string,
): Promise<EnrollmentToken> {
  const now = deps.clock.now()
  return await deps.db.transaction().execute(async (trx) => {
    const revoked = await revokeToken(trx, id, now)
    if (revoked === undefined) {
      throw new AppError('NOT_FOUND', 'There is no enrolment token with this ID.')
    }
    if (revoked.isNew) {
      await appendAudit(trx, [
        {
          occurredAt: now,
          action: 'enrollmentToken.revoke',
          outcome: 'success',
          actor: auditActor(by.principal),
          requestId: by.requestId,
          detail: { enrollmentTokenId: id },
        },
      ])
    }
    return toToken(revoked.row, now)
  })
}

function toToken(row: TokenRow, now: Date): EnrollmentToken {
  return {
    id: row.id,
    name: row.name,
    ...(row.group_name === null ? {} : { groupName: row.group_name }),
    usesMax: row.uses_max,
    usesCount: row.uses_count,
    state: tokenState(row, now),
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at.toISOString() }),
  }
}

function tokenState(row: TokenRow, now: Date): EnrollmentToken['state'] {
  if (row.revoked_at !== null) return 'revoked'
  if (row.expires_at <= now) return 'expired'
  return row.uses_count >= row.uses_max ? 'usedUp' : 'active'
}
