/** HTTP of the tokens of SCIM clients, for administrators. */

import {
  CreatedProvisioningToken,
  CreateProvisioningToken,
  ProvisioningToken,
  ProvisioningTokenPage,
  ProvisioningTokenParams,
  ProvisioningTokenQuery,
} from '@keydesk/contract'
import { principalOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import {
  createProvisioningToken,
  listProvisioningTokens,
  revokeProvisioningToken,
} from './provisioning-tokens.ts'

const PATH = '/api/v1/provisioning-tokens'

export function provisioningTokenRoutes(app: App, deps: Deps): void {
  app.post(
    PATH,
    { schema: { body: CreateProvisioningToken, response: { 201: CreatedProvisioningToken } } },
    async (request, reply) => {
      const by = { principal: principalOf(request), requestId: request.id }
      return await reply.code(201).send(await createProvisioningToken(deps, by, request.body))
    },
  )

  app.get(
    PATH,
    { schema: { querystring: ProvisioningTokenQuery, response: { 200: ProvisioningTokenPage } } },
    async (request) => await listProvisioningTokens(deps, request.query),
  )

  app.delete(
    `${PATH}/:id`,
    { schema: { params: ProvisioningTokenParams, response: { 200: ProvisioningToken } } },
    async (request) => {
      const by = { principal: principalOf(request), requestId: request.id }
      return await revokeProvisioningToken(deps, by, request.params.id)
    },
  )
}
