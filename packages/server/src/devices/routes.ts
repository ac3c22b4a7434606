/** HTTP of devices: the check-in, and what administrators see. */

import {
  CheckInRequest,
  CheckInResponse,
  DeviceDetail,
  DevicePage,
  DeviceParams,
  DeviceQuery,
  LIMITS,
} from '@keydesk/contract'
import { deviceOf, principalOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import type { Presence } from './presence.ts'
import { listDevices, showDevice } from './show-devices.ts'
import { takeCheckIn } from './take-check-in.ts'

export function deviceRoutes(app: App, deps: Deps, presence: Presence): void {
  app.post(
    '/device/v1/check-in',
    {
      bodyLimit: LIMITS.bodyBytesMax,
      schema: { body: CheckInRequest, response: { 200: CheckInResponse } },
    },
    async (request) =>
      await takeCheckIn({ ...deps, presence }, deviceOf(request), request.body, request.id),
  )

  app.get(
    '/api/v1/devices',
    { schema: { querystring: DeviceQuery, response: { 200: DevicePage } } },
    async (request) => await listDevices(deps, principalOf(request), request.query),
  )

  app.get(
    '/api/v1/devices/:deviceId',
    { schema: { params: DeviceParams, response: { 200: DeviceDetail } } },
    async (request) => await showDevice(deps, principalOf(request), request.params.deviceId),
  )
}
