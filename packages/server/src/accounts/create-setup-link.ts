/**
 * The link by which the first administrator comes in: made at the first start, and again for
 * whoever has the server's data directory (`main.ts administrator-link`). The newest one works.
 */

import { LIMITS } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import type { Secret } from '../http/secret.ts'
import { createOneTimeLink } from './one-time-link.ts'

/** `{origin}/welcome/keydesk_link_…`, to be shown once. */
export async function createSetupLink(
  trx: Transaction<Database>,
  deps: Pick<Deps, 'config' | 'keyring' | 'clock'>,
): Promise<Secret<string>> {
  const { id, url, expiresAt } = await createOneTimeLink(trx, deps, {
    purpose: 'setup',
    isOverRoles: true,
    expiresInSeconds: LIMITS.setupLinkSeconds,
  })
  await appendAudit(trx, [
    {
      occurredAt: deps.clock.now(),
      action: 'setupLink.create',
      outcome: 'success',
      actor: { type: 'system' },
      detail: { linkId: id, expiresAt: expiresAt.toISOString() },
    },
  ])
  return url
}
