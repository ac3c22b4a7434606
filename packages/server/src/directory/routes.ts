/** HTTP of the directory: people, groups, device sets, owners, and CSV of them. */

import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { csvRoutes } from './csv-routes.ts'
import { deviceSetRoutes } from './device-set-routes.ts'
import { groupRoutes } from './group-routes.ts'
import { ownerRoutes } from './owner-routes.ts'
import { userRoutes } from './user-routes.ts'

export function directoryRoutes(app: App, deps: Deps): void {
  csvRoutes(app, deps)
  userRoutes(app, deps)
  groupRoutes(app, deps)
  deviceSetRoutes(app, deps)
  ownerRoutes(app, deps)
}
