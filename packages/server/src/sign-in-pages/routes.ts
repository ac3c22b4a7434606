/** HTTP of the pages that the server renders itself. */

import { createPasswordHasher } from '../accounts/password-hash.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import type { RateLimit } from '../http/rate-limit.ts'
import { accountPageRoutes } from './account-routes.ts'
import { assetRoutes } from './asset-routes.ts'
import { signInRoutes } from './sign-in-routes.ts'
import type { PageServices } from './sign-in-visit.ts'
import { welcomeRoutes } from './welcome-routes.ts'

export function signInPageRoutes(
  app: App,
  deps: Deps,
  { limitSignIns, ...services }: Omit<PageServices, 'hasher'> & { limitSignIns: RateLimit },
): void {
  const hasher = createPasswordHasher(deps)
  assetRoutes(app)
  signInRoutes(app, deps, { ...services, hasher }, limitSignIns)
  welcomeRoutes(app, deps, { hasher, limitSignIns })
  accountPageRoutes(app, deps, hasher)
}
