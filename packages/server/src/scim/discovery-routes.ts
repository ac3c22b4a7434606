/** HTTP of what a SCIM client can learn of this server (RFC 7644 §4). */

import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-type.ts'
import { Type } from 'typebox'
import { listResponse } from './list-page.ts'
import type { JsonObject } from './read-value.ts'
import { resourceTypes, serviceProviderConfig } from './service-provider-config.ts'
import { scimSchemas } from './scim-schemas.ts'
import { sendScim } from './send-scim.ts'

const PATH = '/scim/v2'
const Params = Type.Object({ id: Type.String() })

export function discoveryRoutes(app: App, { config: { origin } }: Deps): void {
  app.get(`${PATH}/ServiceProviderConfig`, async (_, reply) =>
    sendScim(reply, serviceProviderConfig(origin)),
  )
  listRoutes(app, `${PATH}/ResourceTypes`, resourceTypes(origin))
  listRoutes(app, `${PATH}/Schemas`, scimSchemas(origin))
}

function listRoutes(app: App, path: string, resources: readonly JsonObject[]): void {
  app.get(path, async (_, reply) => sendScim(reply, listResponse(resources, resources.length)))

  app.get(`${path}/:id`, { schema: { params: Params } }, async (request, reply) => {
    const wanted = request.params.id.toLowerCase()
    const resource = resources.find(({ id }) => String(id).toLowerCase() === wanted)
    if (resource === undefined) throw new AppError('NOT_FOUND', 'There is nothing with this name.')
    return sendScim(reply, resource)
  })
}
