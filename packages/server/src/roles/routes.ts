/** HTTP of roles: what they are, who holds them, and what comes of it. */

import {
  AppAccessParams,
  ChangeRole,
  ChangeRoleAssignment,
  CreateRole,
  CreateRoleAssignment,
  DeviceAccessPage,
  DeviceAccessQuery,
  DeviceParams,
  PrincipalAccess,
  Role,
  RoleAssignment,
  RoleAssignmentPage,
  RoleAssignmentParams,
  RoleAssignmentQuery,
  RolePage,
  RoleParams,
  RoleQuery,
  UserAccessParams,
} from '@keydesk/contract'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { principalOf, type ByPrincipal } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { changeRole, createRole, listRoles, removeRole, showRole } from './custom-roles.ts'
import {
  changeRoleAssignment,
  createRoleAssignment,
  listRoleAssignments,
  removeRoleAssignment,
  showRoleAssignment,
} from './role-assignments.ts'
import { showDeviceAccess } from './show-device-access.ts'
import { showPrincipalAccess } from './show-principal-access.ts'

const NoContent = Type.Null({ description: 'Nothing' })

export function roleRoutes(app: App, deps: Deps): void {
  definitionRoutes(app, deps)
  assignmentRoutes(app, deps)
  accessRoutes(app, deps)
}

function definitionRoutes(app: App, deps: Deps): void {
  app.get(
    '/api/v1/roles',
    { schema: { querystring: RoleQuery, response: { 200: RolePage } } },
    async (request) => await listRoles(deps, request.query),
  )

  app.get(
    '/api/v1/roles/:roleId',
    { schema: { params: RoleParams, response: { 200: Role } } },
    async (request) => await showRole(deps, request.params.roleId),
  )

  app.post(
    '/api/v1/roles',
    { schema: { body: CreateRole, response: { 201: Role } } },
    async (request, reply) =>
      await reply.code(201).send(await createRole(deps, by(request), request.body)),
  )

  app.patch(
    '/api/v1/roles/:roleId',
    { schema: { params: RoleParams, body: ChangeRole, response: { 200: Role } } },
    async (request) => await changeRole(deps, by(request), request.params.roleId, request.body),
  )

  app.delete(
    '/api/v1/roles/:roleId',
    { schema: { params: RoleParams, response: { 204: NoContent } } },
    async (request, reply) => {
      await removeRole(deps, by(request), request.params.roleId)
      return await reply.code(204).send(null)
    },
  )
}

function assignmentRoutes(app: App, deps: Deps): void {
  app.get(
    '/api/v1/role-assignments',
    { schema: { querystring: RoleAssignmentQuery, response: { 200: RoleAssignmentPage } } },
    async (request) => await listRoleAssignments(deps, request.query),
  )

  app.get(
    '/api/v1/role-assignments/:roleAssignmentId',
    { schema: { params: RoleAssignmentParams, response: { 200: RoleAssignment } } },
    async (request) => await showRoleAssignment(deps, request.params.roleAssignmentId),
  )

  app.post(
    '/api/v1/role-assignments',
    { schema: { body: CreateRoleAssignment, response: { 201: RoleAssignment } } },
    async (request, reply) =>
      await reply.code(201).send(await createRoleAssignment(deps, by(request), request.body)),
  )

  app.patch(
    '/api/v1/role-assignments/:roleAssignmentId',
    {
      schema: {
        params: RoleAssignmentParams,
        body: ChangeRoleAssignment,
        response: { 200: RoleAssignment },
      },
    },
    async (request) => {
      const { roleAssignmentId } = request.params
      return await changeRoleAssignment(deps, by(request), roleAssignmentId, request.body)
    },
  )

  app.delete(
    '/api/v1/role-assignments/:roleAssignmentId',
    { schema: { params: RoleAssignmentParams, response: { 204: NoContent } } },
    async (request, reply) => {
      await removeRoleAssignment(deps, by(request), request.params.roleAssignmentId)
      return await reply.code(204).send(null)
    },
  )
}

function accessRoutes(app: App, deps: Deps): void {
  app.get(
    '/api/v1/devices/:deviceId/access',
    {
      schema: {
        params: DeviceParams,
        querystring: DeviceAccessQuery,
        response: { 200: DeviceAccessPage },
      },
    },
    async (request) => await showDeviceAccess(deps, request.params.deviceId, request.query),
  )

  app.get(
    '/api/v1/users/:userId/access',
    { schema: { params: UserAccessParams, response: { 200: PrincipalAccess } } },
    async (request) => await showPrincipalAccess(deps, 'user', request.params.userId),
  )

  app.get(
    '/api/v1/apps/:appId/access',
    { schema: { params: AppAccessParams, response: { 200: PrincipalAccess } } },
    async (request) => await showPrincipalAccess(deps, 'app', request.params.appId),
  )
}

function by(request: FastifyRequest): ByPrincipal {
  return { principal: principalOf(request), requestId: request.id }
}
