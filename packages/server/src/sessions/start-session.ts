/**
 * Starts a session for a person whom an issuer vouched for. It has a new ID and a new secret every
 * time, whatever cookie the browser brought: what somebody planted there before is worth nothing
 * afterwards (session fixation). The session that it replaces ends in the same transaction.
 */

import { randomUUID } from 'node:crypto'
import type { Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { Secret } from '../http/secret.ts'
import { sealValue } from '../vault/derived-key.ts'
import { currentIssuer } from './authenticate-session.ts'
import { endSession, insertSession } from './session-queries.ts'
import { formatSessionToken, newSessionToken, sessionMac } from './session-secret.ts'

export const ID_TOKEN_LABEL = 'keydesk session id token v1'
/** Longer ones are cut: they are shown to their owner, and a stranger can send any. */
const USER_AGENT_LENGTH_MAX = 256

export interface NewSession {
  readonly userId: string
  /** Undefined: the issuer does not say; then no step-up is ever satisfied. */
  readonly authenticatedAt: Date | undefined
  readonly acr: string | undefined
  readonly amr: readonly string[]
  /** For the issuer's sign-out. */
  readonly idToken: string
  readonly ipAddress: string
  readonly userAgent: string | undefined
  /** The session that the browser had. */
  readonly replaces: { readonly id: string; readonly userId: string } | undefined
}

export interface StartedSession {
  readonly id: string
  readonly cookie: Secret<string>
}

export async function startSession(
  trx: Transaction<Database>,
  deps: Pick<Deps, 'config' | 'keyring'>,
  wanted: NewSession,
  now: Date,
): Promise<StartedSession> {
  const id = randomUUID()
  const token = newSessionToken(id)
  const terms = {
    id,
    user_id: wanted.userId,
    issuer: currentIssuer(deps.config),
    created_at: now,
    expires_at: new Date(now.getTime() + deps.config.sessionAbsoluteSeconds * 1000),
    authenticated_at: wanted.authenticatedAt ?? null,
    acr: wanted.acr ?? null,
    amr: [...wanted.amr],
  }
  if (wanted.replaces !== undefined) {
    await endSession(trx, wanted.replaces, { at: now, reason: 'renewed' })
  }
  await insertSession(trx, {
    ...terms,
    mac: sessionMac(deps.keyring, token.secret, terms),
    last_seen_at: now,
    ip_address: wanted.ipAddress,
    user_agent: plainText(wanted.userAgent),
    sealed_id_token: sealValue(
      deps.keyring,
      ID_TOKEN_LABEL,
      [id, wanted.userId],
      Buffer.from(wanted.idToken),
    ),
  })
  return { id, cookie: new Secret(formatSessionToken(token)) }
}

function plainText(text: string | undefined): string | null {
  // Control characters cannot be in a header that Node took in; others come as Latin-1.
  return text === undefined || text === '' ? null : text.slice(0, USER_AGENT_LENGTH_MAX)
}
