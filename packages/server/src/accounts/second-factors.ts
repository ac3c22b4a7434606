/** Which second factors somebody has, and who needs one. */

import type { Kysely } from 'kysely'
import { holdsRoles } from '../access/require-authority-over.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { countPasskeys } from './passkeys.ts'
import { selectTotp } from './totp-queries.ts'

export interface SecondFactors {
  readonly hasTotp: boolean
  readonly passkeys: number
}

export async function secondFactorsOf(
  db: Kysely<Database>,
  deps: Pick<Deps, 'keyring'>,
  userId: string,
): Promise<SecondFactors> {
  const totp = await selectTotp(db, userId)
  return { hasTotp: totp !== undefined, passkeys: await countPasskeys(db, deps, userId) }
}

export function hasAny({ hasTotp, passkeys }: SecondFactors): boolean {
  return hasTotp || passkeys > 0
}

/** Asked under `lockAccount`. Throws AppError FORBIDDEN. */
export async function requireNoSecondFactor(
  db: Kysely<Database>,
  deps: Pick<Deps, 'keyring'>,
  userId: string,
): Promise<void> {
  if (!hasAny(await secondFactorsOf(db, deps, userId))) return
  throw new AppError('FORBIDDEN', 'This account has a second step already. Sign in with it.')
}

/** Whoever holds a role does not go on with a password alone. */
export async function needsSecondFactor(
  deps: Pick<Deps, 'db' | 'clock'>,
  userId: string,
): Promise<boolean> {
  return await holdsRoles(deps.db, userId, deps.clock.now())
}
