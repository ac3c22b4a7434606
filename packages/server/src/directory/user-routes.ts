/** HTTP of users. */

import {
  ChangeUser,
  CreateUser,
  User,
  UserDetail,
  UserPage,
  UserParams,
  UserQuery,
} from '@keydesk/contract'
import { Type } from 'typebox'
import { principalOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { addUser } from './add-user.ts'
import { changeUser } from './change-user.ts'
import { changedBy } from './changed-by.ts'
import { listUsers, showUser, toUser } from './list-users.ts'
import { removeUser } from './remove-user.ts'
import { requireEverywhere } from './require-everywhere.ts'

const DISABLE = 'microsoft.directory/users/disable'

export function userRoutes(app: App, deps: Deps): void {
  app.get(
    '/api/v1/users',
    { schema: { querystring: UserQuery, response: { 200: UserPage } } },
    async (request) => await listUsers(deps, request.query),
  )

  app.get(
    '/api/v1/users/:userId',
    { schema: { params: UserParams, response: { 200: UserDetail } } },
    async (request) => await showUser(deps, principalOf(request), request.params.userId),
  )

  app.post(
    '/api/v1/users',
    { schema: { body: CreateUser, response: { 201: User } } },
    async (request, reply) => {
      const by = changedBy(deps, principalOf(request), request.id)
      const row = await deps.db
        .transaction()
        .execute(async (trx) => await addUser(trx, by, request.body))
      return await reply.code(201).send(toUser(row))
    },
  )

  app.patch(
    '/api/v1/users/:userId',
    { schema: { params: UserParams, body: ChangeUser, response: { 200: User } } },
    async (request) => {
      const by = changedBy(deps, principalOf(request), request.id)
      const { userId } = request.params
      if (request.body.isActive !== undefined) requireEverywhere(principalOf(request), DISABLE)
      const changes = columns(request.body)
      const row = await deps.db
        .transaction()
        .execute(async (trx) => await changeUser(trx, by, userId, changes))
      return toUser(row)
    },
  )

  app.delete(
    '/api/v1/users/:userId',
    { schema: { params: UserParams, response: { 204: Type.Null() } } },
    async (request, reply) => {
      const by = changedBy(deps, principalOf(request), request.id)
      const { userId } = request.params
      await deps.db.transaction().execute(async (trx) => await removeUser(trx, by, userId))
      return await reply.code(204).send(null)
    },
  )
}

/** Absent fields stay absent. */
function columns(changes: ChangeUser) {
  const { userPrincipalName, displayName, givenName, familyName, mail, department, isActive } =
    changes
  return {
    ...(userPrincipalName === undefined ? {} : { user_principal_name: userPrincipalName }),
    ...(displayName === undefined ? {} : { display_name: displayName }),
    ...(givenName === undefined ? {} : { given_name: givenName }),
    ...(familyName === undefined ? {} : { family_name: familyName }),
    ...(mail === undefined ? {} : { mail }),
    ...(department === undefined ? {} : { department }),
    ...(isActive === undefined ? {} : { is_active: isActive }),
  }
}
