/** HTTP of what administrators do for local accounts. */

import { CreatedLink, ResetPassword, UserParams } from '@keydesk/contract'
import { principalOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { inviteUser, resetPassword } from './invite-user.ts'

export function accountRoutes(app: App, deps: Deps): void {
  app.post(
    '/api/v1/users/:userId/invitation',
    { schema: { params: UserParams, response: { 201: CreatedLink } } },
    async (request, reply) => {
      const by = { principal: principalOf(request), requestId: request.id }
      return await reply.code(201).send(await inviteUser(deps, by, request.params.userId))
    },
  )

  app.post(
    '/api/v1/users/:userId/password-reset',
    { schema: { params: UserParams, body: ResetPassword, response: { 201: CreatedLink } } },
    async (request, reply) => {
      const by = { principal: principalOf(request), requestId: request.id }
      const { userId } = request.params
      return await reply.code(201).send(await resetPassword(deps, by, userId, request.body))
    },
  )
}
