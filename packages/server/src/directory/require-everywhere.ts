/** A second permission that only some requests of a route need. */

import type { PermissionName } from '@keydesk/contract'
import type { PrincipalActor } from '../access/actor.ts'
import { reachesEverywhere } from '../access/grants.ts'
import { AppError } from '../errors.ts'

/** Throws AppError FORBIDDEN unless it is held for the whole directory. */
export function requireEverywhere(actor: PrincipalActor, permission: PermissionName): void {
  if (reachesEverywhere(actor.grants.reach(permission))) return
  throw new AppError(
    'FORBIDDEN',
    `This needs the permission ${permission} for the whole directory.`,
  )
}
