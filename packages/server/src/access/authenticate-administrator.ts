/**
 * Finds the administrator whose secret a request carries. Every stored hash is compared, in
 * constant time.
 */

import { timingSafeEqual } from 'node:crypto'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import type { AppCredential } from './load-principal.ts'
import { selectAdministrators } from './queries.ts'
import { hashSecretToken, isSecretToken } from './secret-token.ts'

/** Throws AppError UNAUTHENTICATED; which part was wrong is not said. */
export async function authenticateAdministrator(
  deps: Pick<Deps, 'db' | 'keyring' | 'clock'>,
  token: string,
): Promise<AppCredential> {
  if (isSecretToken('admin', token)) {
    const hash = hashSecretToken(deps.keyring, token)
    const administrators = await selectAdministrators(deps.db)
    const matching = administrators.filter(({ secret_hash }) => timingSafeEqual(secret_hash, hash))
    const [administrator] = matching
    if (administrator !== undefined) {
      const issuedAt = deps.clock.now()
      return { type: 'app', appId: administrator.id, appRoles: undefined, issuedAt }
    }
  }
  throw new AppError('UNAUTHENTICATED', 'The bearer secret is not one of this server.')
}
