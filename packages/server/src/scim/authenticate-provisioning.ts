/**
 * Finds the SCIM client whose token a request carries. It acts in its own name, as a program
 * without any role: what it may do is provision, and nothing else lets its token in.
 */

import { timingSafeEqual } from 'node:crypto'
import type { AppActor } from '../access/actor.ts'
import { createGrants } from '../access/grants.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { hashProvisioningSecret, rowOfProvisioningSecret } from './provisioning-secret.ts'
import { selectProvisioningToken, touchProvisioningToken } from './provisioning-token-queries.ts'

/** `last_used_at` is for people, so a busy client does not write a row for every request. */
const LAST_USE_PRECISION_MS = 60_000

/** Throws AppError UNAUTHENTICATED; whether it is unknown, expired or revoked is not said. */
export async function authenticateProvisioning(
  deps: Pick<Deps, 'db' | 'keyring' | 'clock'>,
  token: string,
): Promise<AppActor> {
  const now = deps.clock.now()
  const id = rowOfProvisioningSecret(token)
  const row = id === undefined ? undefined : await selectProvisioningToken(deps.db, id)
  if (row !== undefined && row.revoked_at === null && row.expires_at > now) {
    const identity = { id: row.id, expiresAt: row.expires_at }
    const hash = hashProvisioningSecret(deps.keyring, identity, token)
    if (timingSafeEqual(hash, row.token_hash)) {
      const lastUse = row.last_used_at?.getTime() ?? Number.NEGATIVE_INFINITY
      if (now.getTime() - lastUse >= LAST_USE_PRECISION_MS) {
        await touchProvisioningToken(deps.db, row.id, now)
      }
      return { type: 'app', id: row.id, name: row.name, grants: NO_GRANTS }
    }
  }
  throw new AppError('UNAUTHENTICATED', 'This needs a provisioning token that is still valid.')
}

const NO_GRANTS = createGrants({ assignments: [], narrowedTo: new Set() })
