/**
 * The first administrator of a deployment, until people sign in: made once, in the transaction that
 * makes the deployment. The secret is returned to be printed and is stored as a keyed hash only.
 */

import { randomUUID } from 'node:crypto'
import type { Transaction } from 'kysely'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Secret } from '../http/secret.ts'
import type { Keyring } from '../vault/keyring.ts'
import { insertAdministrator, insertBootstrapApp } from './queries.ts'
import { createSecretToken, hashSecretToken } from './secret-token.ts'

const NAME = 'bootstrap'

export async function createBootstrapAdministrator(
  trx: Transaction<Database>,
  keyring: Keyring,
  now: Date,
): Promise<Secret<string>> {
  const id = randomUUID()
  const secret = createSecretToken('admin')
  await insertBootstrapApp(trx, id, now)
  await insertAdministrator(trx, {
    id,
    name: NAME,
    secretHash: hashSecretToken(keyring, secret.reveal()),
    createdAt: now,
  })
  await appendAudit(trx, [
    {
      occurredAt: now,
      action: 'administrator.create',
      outcome: 'success',
      actor: { type: 'system' },
      detail: { administratorId: id, name: NAME },
    },
  ])
  return secret
}
