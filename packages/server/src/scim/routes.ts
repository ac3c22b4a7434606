/**
 * HTTP of SCIM 2.0 (RFC 7643, RFC 7644) under /scim/v2: how an organisation's directory keeps the
 * users and groups here in step with its own.
 *
 * Bodies have no schema of this server: attribute names have no case and clients send extensions,
 * so the rules read what they know. Answers are built field by field and go out as they are.
 */

import { LIMITS } from '@keydesk/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { principalOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import { changedBy, type ChangedBy } from '../directory/changed-by.ts'
import type { App } from '../http/app-type.ts'
import { acceptJson } from '../http/json-body.ts'
import { discoveryRoutes } from './discovery-routes.ts'
import { listScimGroups, showScimGroup } from './list-scim-groups.ts'
import { listScimUsers, showScimUser } from './list-scim-users.ts'
import { projectAttributes, type AttributeChoice } from './project-attributes.ts'
import {
  createScimGroup,
  deleteScimGroup,
  patchScimGroup,
  replaceScimGroup,
} from './provision-group.ts'
import {
  createScimUser,
  deleteScimUser,
  patchScimUser,
  replaceScimUser,
  type ResourceTarget,
} from './provision-user.ts'
import type { JsonObject } from './read-value.ts'
import { namesVersion } from './resource-version.ts'
import { SCIM_TYPE } from './scim-error.ts'
import { sendScim } from './send-scim.ts'

const Body = Type.Record(Type.String(), Type.Unknown())
const Params = Type.Object({ id: Type.String() })
const Text = Type.Optional(Type.String({ maxLength: LIMITS.scimFilterLengthMax }))
const WholeNumber = Type.Optional(Type.String({ pattern: '^[+-]?[0-9]{1,9}$' }))
/** Others are allowed: `sortBy` is ignored (RFC 7644 §3.4.2.3), and Entra adds flags of its own. */
const Query = Type.Object({
  filter: Text,
  startIndex: WholeNumber,
  count: WholeNumber,
  attributes: Text,
  excludedAttributes: Text,
})
type Query = Static<typeof Query>

/** What users and groups have in common over HTTP. */
interface Resources {
  readonly path: string
  readonly bytesMax: number
  readonly list: (deps: Deps, query: Query) => Promise<JsonObject>
  readonly show: (deps: Deps, id: string, choice: AttributeChoice) => Promise<JsonObject>
  readonly create: (deps: Deps, by: ChangedBy, body: JsonObject) => Promise<string>
  readonly replace: Change
  readonly patch: Change
  readonly remove: (deps: Deps, by: ChangedBy, target: ResourceTarget) => Promise<void>
  /** Of a PATCH: a group can be large, and no client needs it again. */
  readonly answersPatch: boolean
}

type Change = (deps: Deps, by: ChangedBy, target: ResourceTarget, body: JsonObject) => Promise<void>

const USERS: Resources = {
  path: '/scim/v2/Users',
  bytesMax: LIMITS.scimUserBytesMax,
  list: listScimUsers,
  show: showScimUser,
  create: createScimUser,
  replace: replaceScimUser,
  patch: patchScimUser,
  remove: deleteScimUser,
  answersPatch: true,
}

const GROUPS: Resources = {
  path: '/scim/v2/Groups',
  bytesMax: LIMITS.scimGroupBytesMax,
  list: listScimGroups,
  show: showScimGroup,
  create: createScimGroup,
  replace: replaceScimGroup,
  patch: patchScimGroup,
  remove: deleteScimGroup,
  answersPatch: false,
}

export function scimRoutes(app: App, deps: Deps): void {
  // In a scope of its own: no other route takes this media type.
  void app.register(async (scope: App) => {
    acceptJson(scope, SCIM_TYPE)
    discoveryRoutes(scope, deps)
    for (const resources of [USERS, GROUPS]) {
      readRoutes(scope, deps, resources)
      writeRoutes(scope, deps, resources)
    }
  })
}

function readRoutes(app: App, deps: Deps, resources: Resources): void {
  const { path } = resources
  app.get(path, { schema: { querystring: Query } }, async (request, reply) =>
    sendScim(reply, await resources.list(deps, request.query)),
  )

  app.get(
    `${path}/:id`,
    { schema: { params: Params, querystring: Query } },
    async (request, reply) => {
      const resource = await resources.show(deps, request.params.id, request.query)
      const { version } = metaOf(resource)
      const header = request.headers['if-none-match']
      if (header !== undefined && namesVersion(header, version)) {
        return await reply.code(304).header('etag', version).send()
      }
      return sendResource(reply, resource, request.query)
    },
  )
}

function writeRoutes(app: App, deps: Deps, resources: Resources): void {
  const { path, bytesMax: bodyLimit } = resources
  const schema = { params: Params, querystring: Query, body: Body }
  const answer = async (reply: FastifyReply, id: string, query: Query) =>
    sendResource(reply, await resources.show(deps, id, query), query)

  app.post(
    path,
    { bodyLimit, schema: { querystring: Query, body: Body } },
    async (request, reply) => {
      const id = await resources.create(deps, byOf(deps, request), request.body)
      reply.code(201)
      return await answer(reply, id, request.query)
    },
  )

  app.put(`${path}/:id`, { bodyLimit, schema }, async (request, reply) => {
    const target = targetOf(request, request.params.id)
    await resources.replace(deps, byOf(deps, request), target, request.body)
    return await answer(reply, target.id, request.query)
  })

  app.patch(`${path}/:id`, { bodyLimit, schema }, async (request, reply) => {
    const target = targetOf(request, request.params.id)
    await resources.patch(deps, byOf(deps, request), target, request.body)
    if (!resources.answersPatch) return await reply.code(204).send()
    return await answer(reply, target.id, request.query)
  })

  app.delete(`${path}/:id`, { schema: { params: Params } }, async (request, reply) => {
    const target = targetOf(request, request.params.id)
    await resources.remove(deps, byOf(deps, request), target)
    return await reply.code(204).send()
  })
}

/** Provisioning has its authority over whatever holds roles by configuration, not by roles. */
function byOf(deps: Deps, request: FastifyRequest): ChangedBy {
  return { ...changedBy(deps, principalOf(request), request.id), principal: undefined }
}

function targetOf(request: FastifyRequest, id: string): ResourceTarget {
  return { id, ifMatch: request.headers['if-match'] }
}

interface Meta {
  readonly version: string
  readonly location: string
}

/** Every resource of this server has it. */
function metaOf(resource: JsonObject): Meta {
  return resource['meta'] as Meta
}

/** The parts of it that are wanted; its version is of the whole. */
function sendResource(reply: FastifyReply, resource: JsonObject, query: Query): FastifyReply {
  const { version, location } = metaOf(resource)
  const projected = projectAttributes(resource, query)
  return sendScim(reply.header('etag', version).header('location', location), projected)
}
