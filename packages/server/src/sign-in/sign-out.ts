/**
 * Ends the session of a browser, and says where the issuer ends its own (OpenID Connect
 * RP-Initiated Logout 1.0). Whatever the issuer does or does not do, the session here has ended.
 */

import * as oidc from 'openid-client'
import { appendAudit } from '../audit/append-audit.ts'
import type { Deps } from '../deps.ts'
import { deleteIssuerSessionsOfUsers } from '../issuer/state-queries.ts'
import { endSession, type SessionRow } from '../sessions/session-queries.ts'
import { ID_TOKEN_LABEL } from '../sessions/start-session.ts'
import { openValue } from '../vault/derived-key.ts'
import type { IssuerClient } from './issuer-client.ts'

export const SIGNED_OUT_PATH = '/sign-out/done'

export interface SignOut {
  readonly session: SessionRow
  readonly userName: string
  readonly requestId: string
}

/** Where the browser goes next. Idempotent. */
export async function signOut(
  deps: Deps,
  issuer: IssuerClient,
  { session, userName, requestId }: SignOut,
): Promise<string> {
  const now = deps.clock.now()
  const idToken = idTokenOf(deps, session)
  await deps.db.transaction().execute(async (trx) => {
    const which = { id: session.id, userId: session.user_id }
    if (!(await endSession(trx, which, { at: now, reason: 'signOut' }))) return
    await deleteIssuerSessionsOfUsers(trx, [session.user_id])
    await appendAudit(trx, [
      {
        occurredAt: now,
        action: 'session.end',
        outcome: 'success',
        actor: { type: 'user', id: session.user_id, name: userName },
        requestId,
        detail: { sessionId: session.id, userId: session.user_id, reason: 'signOut' },
      },
    ])
  })
  return await issuerSignOut(deps, issuer, idToken)
}

async function issuerSignOut(
  { config, log }: Deps,
  issuer: IssuerClient,
  idToken: string | undefined,
): Promise<string> {
  try {
    const client = await issuer.configuration()
    if (client.serverMetadata().end_session_endpoint === undefined) return SIGNED_OUT_PATH
    return oidc.buildEndSessionUrl(client, {
      ...(idToken === undefined ? {} : { id_token_hint: idToken }),
      post_logout_redirect_uri: `${config.origin}${SIGNED_OUT_PATH}`,
    }).href
  } catch (error) {
    log.warn({ err: error }, 'a sign-out could not be told to the issuer')
    return SIGNED_OUT_PATH
  }
}

function idTokenOf({ keyring }: Deps, session: SessionRow): string | undefined {
  const { id, user_id, sealed_id_token: sealed } = session
  if (sealed === null) return undefined
  return openValue(keyring, ID_TOKEN_LABEL, [id, user_id], sealed)?.toString()
}
