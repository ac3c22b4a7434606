/**
 * The HTTP application: everything that is registered, in one list, in the order in which it acts.
 *
 * Does not listen and opens nothing: `main.ts` and the tests hand in what it needs.
 */

import { join } from 'node:path'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { fastifyCookie } from '@fastify/cookie'
import { fastify } from 'fastify'
import type { Deps } from './deps.ts'
import type { App } from './http/app-type.ts'
import { registerFormBody } from './http/form-body.ts'
import { registerJsonBody } from './http/json-body.ts'
import { registerProblems } from './http/problem.ts'
import { refuseWhileStopping } from './http/refuse-while-stopping.ts'
import { registerRequestLog } from './http/request-log.ts'
import { requirePermissionRows } from './http/require-permission-rows.ts'
import { registerSecurityHeaders } from './http/security-headers.ts'
import { serverOptions } from './http/server-options.ts'
import { opsRoutes } from './ops/routes.ts'
import { loadPortalFiles } from './portal-files/load-portal-files.ts'
import { portalRoutes } from './portal-files/routes.ts'
import { registerSlices } from './slices.ts'

/** Made by `npm run build`. */
const PORTAL_DIRECTORY = join(import.meta.dirname, '../../portal/dist')

export async function buildApp(deps: Deps): Promise<App> {
  const app: App = fastify(serverOptions(deps)).withTypeProvider<TypeBoxTypeProvider>()
  requirePermissionRows(app)
  registerSecurityHeaders(app, deps)
  registerRequestLog(app, deps)
  registerProblems(app)
  refuseWhileStopping(app)
  registerJsonBody(app)
  registerFormBody(app)
  await app.register(fastifyCookie)

  registerSlices(app, deps)
  opsRoutes(app, deps)
  portalRoutes(app, loadPortalFiles(PORTAL_DIRECTORY))

  await app.ready()
  return app
}
