/** HTTP of self-service: its rules for administrators, and the owner's own routes. */

import {
  ApprovalRequest,
  CreateOwnApprovalRequest,
  CreateOwnDisclosure,
  Disclosure,
  OwnDevicePage,
  OwnDeviceParams,
  OwnDeviceQuery,
  OwnRecoveryKeyList,
  RecoveryStatus,
  SelfServiceGroupParams,
  SelfServicePolicy,
  SetSelfServiceGroup,
  UpdateSelfServicePolicy,
} from '@keydesk/contract'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { principalOf, userOf, type ByPrincipal } from '../access/actor.ts'
import type { RecordDenial } from '../access/record-denial.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import type { RateLimit } from '../http/rate-limit.ts'
import type { DisclosureRecord } from '../recovery/record-disclosures.ts'
import { discloseOwnKey, requestOwnApproval } from './disclose-own-key.ts'
import { listOwnDevices } from './list-own-devices.ts'
import { listOwnRecoveryKeys, recoveryStatus } from './own-recovery.ts'
import {
  changePolicy,
  removePolicyGroup,
  setPolicyGroup,
  showPolicy,
} from './self-service-policy.ts'

export function selfServiceRoutes(
  app: App,
  deps: Deps,
  {
    limitLookUps,
    ...disclosing
  }: { recordDenial: RecordDenial; record: DisclosureRecord; limitLookUps: RateLimit },
): void {
  policyRoutes(app, deps)
  ownDeviceRoutes(app, deps, limitLookUps)

  app.post(
    '/api/v1/me/disclosures',
    {
      onRequest: limitLookUps,
      schema: { body: CreateOwnDisclosure, response: { 201: Disclosure } },
    },
    async (request, reply) => {
      const context = { ...disclosing, principal: userOf(request), requestId: request.id }
      const disclosure = await discloseOwnKey(deps, context, request.body)
      // Said here too, whatever the headers of other answers become.
      return await reply.code(201).header('cache-control', 'no-store').send(disclosure)
    },
  )

  app.post(
    '/api/v1/me/approval-requests',
    { schema: { body: CreateOwnApprovalRequest, response: { 201: ApprovalRequest } } },
    async (request, reply) => {
      const by = { principal: userOf(request), requestId: request.id }
      return await reply.code(201).send(await requestOwnApproval(deps, by, request.body))
    },
  )
}

function ownDeviceRoutes(app: App, deps: Deps, onRequest: RateLimit): void {
  app.get(
    '/api/v1/me/devices',
    { schema: { querystring: OwnDeviceQuery, response: { 200: OwnDevicePage } } },
    async (request) => await listOwnDevices(deps, userOf(request), request.query),
  )

  app.get(
    '/api/v1/me/devices/:deviceId/recovery-status',
    { onRequest, schema: { params: OwnDeviceParams, response: { 200: RecoveryStatus } } },
    async (request) => await recoveryStatus(deps, userOf(request), request.params.deviceId),
  )

  app.get(
    '/api/v1/me/devices/:deviceId/recovery-keys',
    { onRequest, schema: { params: OwnDeviceParams, response: { 200: OwnRecoveryKeyList } } },
    async (request) => await listOwnRecoveryKeys(deps, userOf(request), request.params.deviceId),
  )
}

const by = (request: FastifyRequest): ByPrincipal => ({
  principal: principalOf(request),
  requestId: request.id,
})

function policyRoutes(app: App, deps: Deps): void {
  app.get(
    '/api/v1/self-service-policy',
    { schema: { response: { 200: SelfServicePolicy } } },
    async () => await showPolicy(deps.db),
  )

  app.patch(
    '/api/v1/self-service-policy',
    { schema: { body: UpdateSelfServicePolicy, response: { 200: SelfServicePolicy } } },
    async (request) => await changePolicy(deps, by(request), request.body),
  )

  app.put(
    '/api/v1/self-service-policy/groups/:groupId',
    {
      schema: {
        params: SelfServiceGroupParams,
        body: SetSelfServiceGroup,
        response: { 200: SelfServicePolicy },
      },
    },
    async (request) =>
      await setPolicyGroup(deps, by(request), request.params.groupId, request.body),
  )

  app.delete(
    '/api/v1/self-service-policy/groups/:groupId',
    { schema: { params: SelfServiceGroupParams, response: { 204: Type.Null() } } },
    async (request, reply) => {
      await removePolicyGroup(deps, by(request), request.params.groupId)
      return await reply.code(204).send(null)
    },
  )
}
