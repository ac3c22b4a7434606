/** HTTP of rotations. */

import {
  DeviceParams,
  RequestRotations,
  RequestedRotations,
  RotationPage,
  RotationQuery,
} from '@keydesk/contract'
import { principalOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { listRotations } from './list-rotations.ts'
import { requestRotationsByHand } from './request-rotations-by-hand.ts'

export function rotationRoutes(app: App, deps: Deps): void {
  app.get(
    '/api/v1/rotations',
    { schema: { querystring: RotationQuery, response: { 200: RotationPage } } },
    async (request) => await listRotations(deps, principalOf(request), request.query),
  )

  app.post(
    '/api/v1/devices/:deviceId/rotations',
    {
      schema: {
        params: DeviceParams,
        body: RequestRotations,
        response: { 201: RequestedRotations },
      },
    },
    async (request, reply) => {
      const by = { principal: principalOf(request), requestId: request.id }
      const { deviceId } = request.params
      return await reply
        .code(201)
        .send(await requestRotationsByHand(deps, by, deviceId, request.body))
    },
  )
}
