/** HTTP of groups of people. */

import {
  ChangedMembers,
  ChangeGroup,
  ChangeMembers,
  CreateGroup,
  Group,
  GroupPage,
  GroupParams,
  GroupQuery,
  LIMITS,
  MemberQuery,
  UserPage,
} from '@keydesk/contract'
import { Type } from 'typebox'
import { principalOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { addGroup, changeGroup, removeGroup, type GroupOrigin } from './change-group.ts'
import { changeGroupMembers } from './change-group-members.ts'
import { changedBy } from './changed-by.ts'
import { listGroupMembers, listGroups, showGroup } from './list-groups.ts'

export function groupRoutes(app: App, deps: Deps): void {
  app.get(
    '/api/v1/groups',
    { schema: { querystring: GroupQuery, response: { 200: GroupPage } } },
    async (request) => await listGroups(deps, request.query),
  )

  app.get(
    '/api/v1/groups/:groupId',
    { schema: { params: GroupParams, response: { 200: Group } } },
    async (request) => await showGroup(deps.db, request.params.groupId),
  )

  app.post(
    '/api/v1/groups',
    { schema: { body: CreateGroup, response: { 201: Group } } },
    async (request, reply) => {
      const by = changedBy(deps, principalOf(request), request.id)
      const { issuerGroup, ...group } = request.body
      const origin: GroupOrigin =
        issuerGroup === undefined
          ? { source: 'local' }
          : { source: 'issuer', externalId: issuerGroup }
      const added = await deps.db
        .transaction()
        .execute(async (trx) => await showGroup(trx, await addGroup(trx, by, group, origin)))
      return await reply.code(201).send(added)
    },
  )

  app.patch(
    '/api/v1/groups/:groupId',
    { schema: { params: GroupParams, body: ChangeGroup, response: { 200: Group } } },
    async (request) => {
      const by = changedBy(deps, principalOf(request), request.id)
      const { groupId } = request.params
      const { displayName, description } = request.body
      return await deps.db.transaction().execute(async (trx) => {
        await changeGroup(trx, by, groupId, {
          ...(displayName === undefined ? {} : { display_name: displayName }),
          ...(description === undefined ? {} : { description }),
        })
        return await showGroup(trx, groupId)
      })
    },
  )

  app.delete(
    '/api/v1/groups/:groupId',
    { schema: { params: GroupParams, response: { 204: Type.Null() } } },
    async (request, reply) => {
      const by = changedBy(deps, principalOf(request), request.id)
      const { groupId } = request.params
      await deps.db.transaction().execute(async (trx) => await removeGroup(trx, by, groupId))
      return await reply.code(204).send(null)
    },
  )

  memberRoutes(app, deps)
}

function memberRoutes(app: App, deps: Deps): void {
  app.get(
    '/api/v1/groups/:groupId/members',
    { schema: { params: GroupParams, querystring: MemberQuery, response: { 200: UserPage } } },
    async (request) => await listGroupMembers(deps, request.params.groupId, request.query),
  )

  app.post(
    '/api/v1/groups/:groupId/members',
    {
      bodyLimit: LIMITS.bodyBytesMax,
      schema: { params: GroupParams, body: ChangeMembers, response: { 200: ChangedMembers } },
    },
    async (request) => {
      const by = changedBy(deps, principalOf(request), request.id)
      const { groupId } = request.params
      return await deps.db
        .transaction()
        .execute(async (trx) => await changeGroupMembers(trx, by, groupId, request.body))
    },
  )
}
