/** HTTP of escrow. */

import { EscrowRequest, EscrowResponse } from '@keydesk/contract'
import { deviceOf } from '../access/actor.ts'
import type { App } from '../http/app-type.ts'
import type { EscrowKey } from './escrow-key.ts'

export function escrowRoutes(app: App, escrowKey: EscrowKey): void {
  app.post(
    '/device/v1/escrow',
    {
      schema: { body: EscrowRequest, response: { 200: EscrowResponse, 201: EscrowResponse } },
      // With the key, in one transaction.
      config: { remembersRequest: true },
    },
    async (request, reply) => {
      const { isNew, receipt } = await escrowKey(deviceOf(request), request.body, request.id)
      return await reply.code(isNew ? 201 : 200).send({ receipt })
    },
  )
}
