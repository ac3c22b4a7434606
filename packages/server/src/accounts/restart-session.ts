/**
 * Ends every sign-in of somebody who changed how he signs in, other browsers and programs included,
 * and gives the browser that he did it in a new session: whoever knew the old password may have
 * been signed in with it.
 */

import type { Transaction } from 'kysely'
import type { UserActor } from '../access/actor.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { endSignIns } from '../directory/end-sign-ins.ts'
import { AppError } from '../errors.ts'
import { selectSession } from '../sessions/session-queries.ts'
import { ID_TOKEN_LABEL, startSession, type StartedSession } from '../sessions/start-session.ts'
import { openValue } from '../vault/derived-key.ts'

/** Where somebody changes how he signs in. */
export interface OwnBrowser {
  readonly actor: UserActor
  readonly sessionId: string
  readonly ipAddress: string
  readonly userAgent: string | undefined
}

/** With the proofs and their time that the old session had. */
export async function restartSession(
  trx: Transaction<Database>,
  deps: Pick<Deps, 'config' | 'keyring' | 'clock'>,
  { actor, sessionId, ipAddress, userAgent }: OwnBrowser,
): Promise<StartedSession> {
  const old = await selectSession(trx, sessionId)
  const sealed = old?.sealed_id_token ?? undefined
  const idToken = sealed && openValue(deps.keyring, ID_TOKEN_LABEL, [sessionId, actor.id], sealed)
  if (old === undefined || idToken === undefined) {
    throw new AppError('UNAUTHENTICATED', 'The session has ended. Sign in again.')
  }
  const now = deps.clock.now()
  await endSignIns(trx, [actor.id], now, 'byUser')
  const wanted = {
    userId: actor.id,
    authenticatedAt: old.authenticated_at ?? undefined,
    acr: old.acr ?? undefined,
    amr: old.amr,
    idToken: idToken.toString(),
    ipAddress,
    userAgent,
    replaces: undefined,
  }
  // What was made until now is refused from here on.
  return await startSession(trx, deps, wanted, new Date(now.getTime() + 1))
}
