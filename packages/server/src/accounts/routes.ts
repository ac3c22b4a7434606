/** HTTP of what administrators do for local accounts. */

import { AccountParams, CreatedLink, ResetPassword } from '@keydesk/contract'
import { principalOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { inviteUser, resetPassword } from './invite-user.ts'

export function accountRoutes(app: App, deps: Deps): void {
  app.post(
    '/api/v1/users/:id/invitation',
    { schema: { params: AccountParams, response: { 201: CreatedLink } } },
    async (request, reply) => {
      const by = { principal: principalOf(request), requestId: request.id }
      return await reply.code(201).send(await inviteUser(deps, by, request.params.id))
    },
  )

  app.post(
    '/api/v1/users/:id/password-reset',
    { schema: { params: AccountParams, body: ResetPassword, response: { 201: CreatedLink } } },
    async (request, reply) => {
      const by = { principal: principalOf(request), requestId: request.id }
      const { id } = request.params
      return await reply.code(201).send(await resetPassword(deps, by, id, request.body))
    },
  )
}
