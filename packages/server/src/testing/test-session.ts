/** A browser session for tests that are not about signing in: started as the callback does it. */

import { startSession, type NewSession } from '../sessions/start-session.ts'
import { cookieRules } from '../sessions/session-cookie.ts'
import { csrfToken } from '../sessions/session-secret.ts'
import { ACR_MFA } from '../access/step-up-acr.ts'
import type { TestService } from './test-service.ts'

export interface TestSession {
  readonly id: string
  readonly csrf: string
  /** Headers of a request that reads. */
  readonly reads: Readonly<Record<string, string>>
  /** Headers of a request that changes something, as the portal sends it. */
  readonly writes: Readonly<Record<string, string>>
}

/** Signed in just now, with two factors, unless told otherwise. */
export async function startTestSession(
  service: TestService,
  userId: string,
  more: Partial<NewSession> = {},
): Promise<TestSession> {
  const { deps } = service
  const now = deps.clock.now()
  const wanted: NewSession = {
    userId,
    authenticatedAt: now,
    acr: ACR_MFA,
    amr: ['pwd', 'otp'],
    idToken: 'id.token.of-a-test',
    ipAddress: '192.0.2.1',
    userAgent: 'a test',
    replaces: undefined,
    ...more,
  }
  const { id, cookie } = await deps.db
    .transaction()
    .execute((trx) => startSession(trx, deps, wanted, now))
  const csrf = csrfToken(deps.keyring, id)
  const reads = { cookie: `${cookieRules(deps.config)?.name()}=${cookie.reveal()}` }
  const writes = { ...reads, origin: deps.config.origin, 'x-keydesk-csrf': csrf }
  return { id, csrf, reads, writes }
}
