/**
 * Deny by default (P8): a route that has no row in the committed permission table does not start.
 * The table says who may call what; this says that nothing was forgotten.
 */

import { routePermission } from '@keydesk/contract'
import type { App } from './app-type.ts'

/** Throws at the registration of the first route that is not in the table. */
export function requirePermissionRows(app: App): void {
  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) {
      const name = `${method} ${route.url}`
      if (routePermission(name) === undefined) {
        throw new Error(
          `The route "${name}" has no row in packages/contract/src/permissions.ts. ` +
            'Add one that says who may call it.',
        )
      }
    }
  })
}
