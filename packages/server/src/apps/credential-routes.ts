/** HTTP of the secrets and keys of apps. */

import {
  AppCredential,
  AppCredentialParams,
  AppParams,
  CreateAppPublicKey,
  CreateAppSecret,
  CreatedAppSecret,
} from '@keydesk/contract'
import type { FastifyRequest } from 'fastify'
import { principalOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App as HttpApp } from '../http/app-type.ts'
import { addAppPublicKey, addAppSecret, revokeAppCredential } from './change-credentials.ts'

export function credentialRoutes(http: HttpApp, deps: Deps): void {
  const by = (request: FastifyRequest) => ({
    principal: principalOf(request),
    requestId: request.id,
    now: deps.clock.now(),
    deps,
    keyring: deps.keyring,
  })
  const transaction = () => deps.db.transaction()

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
