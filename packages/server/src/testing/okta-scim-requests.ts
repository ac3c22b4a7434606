/**
 * Requests in the shapes that Okta sends, with names of our own. Source: Okta Developer, "Okta and
 * SCIM Version 2.0" (SCIM 2.0 protocol reference).
 */

const PATCH = ['urn:ietf:params:scim:api:messages:2.0:PatchOp']

export const OKTA_USER = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
  userName: 'test.user@okta.example',
  name: { givenName: 'Test', familyName: 'User' },
  emails: [{ primary: true, value: 'test.user@okta.example', type: 'work' }],
  displayName: 'Test User',
  locale: 'en-US',
  externalId: '00ujl29u0le5T6Aj10h7',
  groups: [],
  password: '1mz050nq',
  active: true,
} as const

/** PUT: what it read, changed. */
export function oktaReplace(id: string, more: object = {}) {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    id,
    userName: 'test.user@okta.example',
    name: { givenName: 'Another', middleName: 'Excited', familyName: 'User' },
    emails: [
      {
        primary: true,
        value: 'another.user@okta.example',
        type: 'work',
        display: 'another.user@okta.example',
      },
    ],
    active: true,
    groups: [],
    meta: { resourceType: 'User' },
    ...more,
  }
}

export const OKTA_DEACTIVATE = {
  schemas: PATCH,
  Operations: [{ op: 'replace', value: { active: false } }],
} as const

export const OKTA_GROUP = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
  displayName: 'Test SCIMv2',
  members: [],
} as const

export function oktaRenameGroup(id: string, displayName: string) {
  return { schemas: PATCH, Operations: [{ op: 'replace', value: { id, displayName } }] }
}

export function oktaChangeMembers(removedId: string, added: { value: string; display: string }) {
  return {
    schemas: PATCH,
    Operations: [
      { op: 'remove', path: `members[value eq "${removedId}"]` },
      { op: 'add', path: 'members', value: [added] },
    ],
  }
}

export function oktaPushMembers(members: readonly { value: string; display: string }[]) {
  return { schemas: PATCH, Operations: [{ op: 'replace', path: 'members', value: members }] }
}
