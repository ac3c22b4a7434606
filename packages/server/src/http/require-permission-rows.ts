/**
 * Deny by default (P8): a route that has no row in the committed permission table does not start.
 * The table says who may call what; this says that nothing was forgotten, and that the scopes of
 * roles find the device that a route is about: they look for it under one name.
 */

import { routePermission, type RoutePermission } from '@keydesk/contract'
import type { App } from './app-type.ts'

/** A parameter of another name would be judged as if the route were about no device. */
const MISNAMED_DEVICE = /\/devices\/:(?!deviceId(?:\/|$))/

/**
 * Throws at the registration of the first route that is not in the table or whose scope could not
 * be judged. `rowOf`: the table.
 */
export function requirePermissionRows(
  app: App,
  rowOf: (route: string) => RoutePermission | undefined = routePermission,
): void {
  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) {
      const name = `${method} ${route.url}`
      const row = rowOf(name)
      if (row === undefined) {
        throw new Error(
          `The route "${name}" has no row in packages/contract/src/permissions.ts. ` +
            'Add one that says who may call it.',
        )
      }
      if (row.audience === 'devices' && MISNAMED_DEVICE.test(route.url)) {
        throw new Error(`The route "${name}" must call its device ":deviceId".`)
      }
    }
  })
}
