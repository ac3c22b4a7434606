/** HTTP of ownership. */

import {
  DeviceOwnership,
  DeviceParams,
  OwnedDevicePage,
  OwnedDeviceQuery,
  SetOwner,
  UserParams,
} from '@keydesk/contract'
import { principalOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { changedBy } from './changed-by.ts'
import { listDevicesOfUser, setOwner, showOwnership } from './set-owner.ts'

export function ownerRoutes(app: App, deps: Deps): void {
  app.get(
    '/api/v1/devices/:deviceId/owner',
    { schema: { params: DeviceParams, response: { 200: DeviceOwnership } } },
    async (request) => await showOwnership(deps, request.params.deviceId),
  )

  app.put(
    '/api/v1/devices/:deviceId/owner',
    { schema: { params: DeviceParams, body: SetOwner, response: { 200: DeviceOwnership } } },
    async (request) => {
      const by = changedBy(deps, principalOf(request), request.id)
      return await setOwner(deps, by, request.params.deviceId, request.body.userId)
    },
  )

  app.delete(
    '/api/v1/devices/:deviceId/owner',
    { schema: { params: DeviceParams, response: { 200: DeviceOwnership } } },
    async (request) => {
      const by = changedBy(deps, principalOf(request), request.id)
      return await setOwner(deps, by, request.params.deviceId, undefined)
    },
  )

  app.get(
    '/api/v1/users/:userId/devices',
    {
      schema: {
        params: UserParams,
        querystring: OwnedDeviceQuery,
        response: { 200: OwnedDevicePage },
      },
    },
    async (request) =>
      await listDevicesOfUser(deps, principalOf(request), request.params.userId, request.query),
  )
}
