/** HTTP of app registrations and of the issuer's keys. */

import {
  App,
  AppCredential,
  AppCredentialParams,
  AppPage,
  AppParams,
  AppQuery,
  ChangeApp,
  CreateApp,
  CreateAppPublicKey,
  CreateAppSecret,
  CreatedAppSecret,
} from '@keydesk/contract'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { principalOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App as HttpApp } from '../http/app-type.ts'
import { addApp, changeApp, removeApp } from './change-app.ts'
import { addAppPublicKey, addAppSecret, revokeAppCredential } from './change-credentials.ts'
import { listApps, showApp } from './list-apps.ts'

export function appRoutes(http: HttpApp, deps: Deps): void {
  const by = (request: FastifyRequest) => ({
    principal: principalOf(request),
    requestId: request.id,
    now: deps.clock.now(),
    keyring: deps.keyring,
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

  http.post(
    '/api/v1/apps/:appId/secrets',
    { schema: { params: AppParams, body: CreateAppSecret, response: { 201: CreatedAppSecret } } },
    async (request, reply) => {
      const { appId } = request.params
      const secret = await transaction().execute((trx) =>
        addAppSecret(trx, by(request), appId, request.body),
      )
      return await reply.code(201).send(secret)
    },
  )

  http.post(
    '/api/v1/apps/:appId/public-keys',
    { schema: { params: AppParams, body: CreateAppPublicKey, response: { 201: AppCredential } } },
    async (request, reply) => {
      const { appId } = request.params
      const key = await transaction().execute((trx) =>
        addAppPublicKey(trx, by(request), appId, request.body),
      )
      return await reply.code(201).send(key)
    },
  )

  http.delete(
    '/api/v1/apps/:appId/credentials/:credentialId',
    { schema: { params: AppCredentialParams, response: { 200: AppCredential } } },
    async (request) =>
      await transaction().execute((trx) => revokeAppCredential(trx, by(request), request.params)),
  )
}
