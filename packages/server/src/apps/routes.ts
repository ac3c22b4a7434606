/** HTTP of app registrations. */

import { App, AppPage, AppParams, AppQuery, ChangeApp, CreateApp } from '@keydesk/contract'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { principalOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App as HttpApp } from '../http/app-type.ts'
import { addApp, changeApp, removeApp } from './change-app.ts'
import { credentialRoutes } from './credential-routes.ts'
import { listApps, showApp } from './list-apps.ts'

export function appRoutes(http: HttpApp, deps: Deps): void {
  const by = (request: FastifyRequest) => ({
    principal: principalOf(request),
    requestId: request.id,
    now: deps.clock.now(),
    deps,
  })
  const transaction = () => deps.db.transaction()

  http.get(
    '/api/v1/apps',
    { schema: { querystring: AppQuery, response: { 200: AppPage } } },
    async (request) => await listApps(deps, request.query),
  )

  http.get(
    '/api/v1/apps/:appId',
    { schema: { params: AppParams, response: { 200: App } } },
    async (request) => await showApp(deps.db, request.params.appId, deps.clock.now()),
  )

  http.post(
    '/api/v1/apps',
    { schema: { body: CreateApp, response: { 201: App } } },
    async (request, reply) => {
      const change = by(request)
      const app = await transaction().execute(
        async (trx) => await showApp(trx, await addApp(trx, change, request.body), change.now),
      )
      return await reply.code(201).send(app)
    },
  )

  http.patch(
    '/api/v1/apps/:appId',
    { schema: { params: AppParams, body: ChangeApp, response: { 200: App } } },
    async (request) => {
      const change = by(request)
      const { appId } = request.params
      return await transaction().execute(async (trx) => {
        await changeApp(trx, change, appId, request.body)
        return await showApp(trx, appId, change.now)
      })
    },
  )

  http.delete(
    '/api/v1/apps/:appId',
    { schema: { params: AppParams, response: { 204: Type.Null() } } },
    async (request, reply) => {
      await transaction().execute((trx) => removeApp(trx, by(request), request.params.appId))
      return await reply.code(204).send(null)
    },
  )

  credentialRoutes(http, deps)
}
