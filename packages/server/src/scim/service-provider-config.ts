/** What this server can do of SCIM (RFC 7643 §5, §6). */

import { LIMITS } from '@keydesk/contract'
import type { JsonObject } from './read-value.ts'
import { ENTERPRISE_SCHEMA, GROUP_SCHEMA, USER_SCHEMA } from './schema-names.ts'

export function serviceProviderConfig(origin: string): JsonObject {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: { supported: true },
    bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults: LIMITS.scimPageSizeMax },
    changePassword: { supported: false },
    sort: { supported: false },
    etag: { supported: true },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Provisioning token',
        description: 'A token that an administrator of Keydesk makes, as a bearer token.',
        specUri: 'https://www.rfc-editor.org/info/rfc6750',
        primary: true,
      },
    ],
    meta: {
      resourceType: 'ServiceProviderConfig',
      location: `${origin}/scim/v2/ServiceProviderConfig`,
    },
  }
}

export function resourceTypes(origin: string): JsonObject[] {
  return [
    {
      ...resourceType(origin, 'User', USER_SCHEMA),
      schemaExtensions: [{ schema: ENTERPRISE_SCHEMA, required: false }],
    },
    resourceType(origin, 'Group', GROUP_SCHEMA),
  ]
}

function resourceType(origin: string, name: string, schema: string): JsonObject {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
    id: name,
    name,
    endpoint: `/${name}s`,
    schema,
    meta: {
      resourceType: 'ResourceType',
      location: `${origin}/scim/v2/ResourceTypes/${name}`,
    },
  }
}
