/** HTTP of administrative units and of device groups: the same routes for both. */

import {
  ChangedMembers,
  ChangeDeviceSet,
  ChangeMembers,
  CreateDeviceSet,
  DeviceSet,
  DeviceSetMemberPage,
  DeviceSetPage,
  DeviceSetParams,
  DeviceSetQuery,
  LIMITS,
  MemberQuery,
  MembershipRulePreview,
  PreviewMembershipRule,
} from '@keydesk/contract'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { principalOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { addDeviceSet, changeDeviceSet, removeDeviceSet } from './change-device-set.ts'
import { changeDeviceSetMembers } from './change-device-set-members.ts'
import { changedBy } from './changed-by.ts'
import type { DeviceSetKind } from './device-set-queries.ts'
import {
  listDeviceSetMembers,
  listDeviceSets,
  previewMembershipRule,
  showDeviceSet,
} from './list-device-sets.ts'

export function deviceSetRoutes(app: App, deps: Deps): void {
  for (const [kind, path] of [
    ['administrativeUnit', '/api/v1/administrative-units'],
    ['deviceGroup', '/api/v1/device-groups'],
  ] as const) {
    readRoutes(app, deps, { kind, path })
    changeRoutes(app, deps, { kind, path })
    memberRoutes(app, deps, { kind, path })
  }
}

interface Place {
  readonly kind: DeviceSetKind
  readonly path: '/api/v1/administrative-units' | '/api/v1/device-groups'
}

function readRoutes(app: App, deps: Deps, { kind, path }: Place): void {
  app.get(
    path,
    { schema: { querystring: DeviceSetQuery, response: { 200: DeviceSetPage } } },
    async (request) => await listDeviceSets(deps, principalOf(request), kind, request.query),
  )

  app.get(
    `${path}/:deviceSetId`,
    { schema: { params: DeviceSetParams, response: { 200: DeviceSet } } },
    async (request) =>
      await showDeviceSet(deps.db, principalOf(request), kind, request.params.deviceSetId),
  )

  app.post(
    `${path}/preview`,
    { schema: { body: PreviewMembershipRule, response: { 200: MembershipRulePreview } } },
    async (request) =>
      await previewMembershipRule(deps, principalOf(request), request.body.membershipRule),
  )
}

function changeRoutes(app: App, deps: Deps, { kind, path }: Place): void {
  const by = (request: FastifyRequest) => changedBy(deps, principalOf(request), request.id)

  app.post(
    path,
    { schema: { body: CreateDeviceSet, response: { 201: DeviceSet } } },
    async (request, reply) => {
      const set = await deps.db.transaction().execute(async (trx) => {
        const id = await addDeviceSet(trx, by(request), kind, request.body)
        return await showDeviceSet(trx, principalOf(request), kind, id)
      })
      return await reply.code(201).send(set)
    },
  )

  app.patch(
    `${path}/:deviceSetId`,
    { schema: { params: DeviceSetParams, body: ChangeDeviceSet, response: { 200: DeviceSet } } },
    async (request) => {
      const id = request.params.deviceSetId
      const { displayName, description, membershipRule } = request.body
      const changes = {
        ...(displayName === undefined ? {} : { display_name: displayName }),
        ...(description === undefined ? {} : { description }),
        ...(membershipRule === undefined ? {} : { membership_rule: membershipRule }),
      }
      return await deps.db.transaction().execute(async (trx) => {
        await changeDeviceSet(trx, by(request), kind, { id, changes })
        return await showDeviceSet(trx, principalOf(request), kind, id)
      })
    },
  )

  app.delete(
    `${path}/:deviceSetId`,
    { schema: { params: DeviceSetParams, response: { 204: Type.Null() } } },
    async (request, reply) => {
      const id = request.params.deviceSetId
      await deps.db
        .transaction()
        .execute(async (trx) => await removeDeviceSet(trx, by(request), kind, id))
      return await reply.code(204).send(null)
    },
  )
}

function memberRoutes(app: App, deps: Deps, { kind, path }: Place): void {
  app.get(
    `${path}/:deviceSetId/members`,
    {
      schema: {
        params: DeviceSetParams,
        querystring: MemberQuery,
        response: { 200: DeviceSetMemberPage },
      },
    },
    async (request) => {
      const set = { kind, id: request.params.deviceSetId }
      return await listDeviceSetMembers(deps, principalOf(request), set, request.query)
    },
  )

  app.post(
    `${path}/:deviceSetId/members`,
    {
      bodyLimit: LIMITS.bodyBytesMax,
      schema: { params: DeviceSetParams, body: ChangeMembers, response: { 200: ChangedMembers } },
    },
    async (request) => {
      const principal = principalOf(request)
      const by = { ...changedBy(deps, principal, request.id), principal }
      const set = { kind, id: request.params.deviceSetId }
      return await deps.db
        .transaction()
        .execute(async (trx) => await changeDeviceSetMembers(trx, by, set, request.body))
    },
  )
}
