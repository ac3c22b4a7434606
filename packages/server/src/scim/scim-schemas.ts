/**
 * The attributes that this server keeps, in the form of RFC 7643 §7. The standard has more of them;
 * what is not here is accepted and not kept.
 */

import type { JsonObject } from './read-value.ts'
import { ENTERPRISE_SCHEMA, GROUP_SCHEMA, USER_SCHEMA } from './schema-names.ts'

interface Characteristics {
  readonly type?: 'string' | 'boolean' | 'complex' | 'reference'
  readonly multiValued?: boolean
  readonly required?: boolean
  readonly caseExact?: boolean
  readonly mutability?: 'readOnly' | 'readWrite' | 'immutable'
  readonly uniqueness?: 'none' | 'server'
  readonly subAttributes?: readonly JsonObject[]
  readonly referenceTypes?: readonly string[]
}

function attribute(name: string, description: string, own: Characteristics = {}): JsonObject {
  return {
    name,
    type: 'string',
    multiValued: false,
    description,
    required: false,
    caseExact: false,
    mutability: 'readWrite',
    returned: 'default',
    uniqueness: 'none',
    ...own,
  }
}

const GROUPS_OF_USER = [
  attribute('value', 'ID of the group', { mutability: 'readOnly' }),
  attribute('$ref', 'Address of the group', {
    type: 'reference',
    referenceTypes: ['Group'],
    mutability: 'readOnly',
  }),
  attribute('display', 'Name of the group', { mutability: 'readOnly' }),
]

const USER_ATTRIBUTES = [
  attribute('userName', 'By which the person signs in; unique', {
    required: true,
    uniqueness: 'server',
  }),
  attribute('name', 'Parts of the name', {
    type: 'complex',
    subAttributes: [
      attribute('formatted', 'Given name and family name', { mutability: 'readOnly' }),
      attribute('familyName', 'Family name'),
      attribute('givenName', 'Given name'),
    ],
  }),
  attribute('displayName', 'Name as others see it'),
  attribute('active', 'False ends every session and refuses every token, at once', {
    type: 'boolean',
  }),
  attribute('emails', 'The address at work; others are not kept', {
    type: 'complex',
    multiValued: true,
    subAttributes: [
      attribute('value', 'The address'),
      attribute('type', 'Always work'),
      attribute('primary', 'Always true', { type: 'boolean' }),
    ],
  }),
  attribute('groups', 'Groups that the person is in', {
    type: 'complex',
    multiValued: true,
    mutability: 'readOnly',
    subAttributes: GROUPS_OF_USER,
  }),
]

const GROUP_ATTRIBUTES = [
  attribute('displayName', 'Name of the group; unique', { required: true, uniqueness: 'server' }),
  attribute('members', 'Users in the group', {
    type: 'complex',
    multiValued: true,
    subAttributes: [
      attribute('value', 'ID of the user', { mutability: 'immutable' }),
      attribute('$ref', 'Address of the user', {
        type: 'reference',
        referenceTypes: ['User'],
        mutability: 'immutable',
      }),
      attribute('display', 'Name of the user', { mutability: 'readOnly' }),
      attribute('type', 'Always User', { mutability: 'immutable' }),
    ],
  }),
]

export function scimSchemas(origin: string): JsonObject[] {
  const schema = (
    id: string,
    name: string,
    description: string,
    attributes: readonly JsonObject[],
  ) => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
    id,
    name,
    description,
    attributes,
    meta: { resourceType: 'Schema', location: `${origin}/scim/v2/Schemas/${id}` },
  })
  return [
    schema(USER_SCHEMA, 'User', 'A person', USER_ATTRIBUTES),
    schema(GROUP_SCHEMA, 'Group', 'A group of people', GROUP_ATTRIBUTES),
    schema(ENTERPRISE_SCHEMA, 'EnterpriseUser', 'What else is known of a person at work', [
      attribute('department', 'Department'),
    ]),
  ]
}
