/**
 * Requests in the shapes that Microsoft Entra's provisioning service sends, with names of our own.
 * Sources: Microsoft Learn, "Develop and plan provisioning for a SCIM endpoint" (users, groups,
 * schema discovery) and "Known issues and resolutions with SCIM 2.0 protocol compliance" (what the
 * tenant URL's flag `aadOptscim062020` changes).
 */

const PATCH = ['urn:ietf:params:scim:api:messages:2.0:PatchOp']

export const ENTRA_USER = {
  schemas: [
    'urn:ietf:params:scim:schemas:core:2.0:User',
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
  ],
  externalId: '0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef',
  userName: 'Test_User_ab6490ee-1e48-479e-a20b-2d77186b5dd1',
  active: true,
  addresses: [{ primary: false, type: 'work', country: 'Germany', formatted: 'Somewhere 1' }],
  emails: [{ primary: true, type: 'work', value: 'Test_User_fd0ea19b@keydesk.example' }],
  phoneNumbers: [{ primary: true, type: 'work', value: '555-0100' }],
  meta: { resourceType: 'User' },
  name: { formatted: 'givenName familyName', familyName: 'familyName', givenName: 'givenName' },
  title: 'Engineer',
  roles: [],
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {
    department: 'Research',
    employeeNumber: '1001',
  },
} as const

/** Without the flag: operations capitalised, one for each attribute. */
export const ENTRA_UPDATE = {
  schemas: PATCH,
  Operations: [
    { op: 'Replace', path: 'displayName', value: 'Ada Byron' },
    { op: 'Replace', path: 'emails[type eq "work"].value', value: 'ada@keydesk.example' },
    { op: 'Add', path: 'name.givenName', value: 'Ada' },
    { op: 'Replace', path: 'name.familyName', value: 'Byron' },
    { op: 'Replace', path: 'externalId', value: 'changed-external-id' },
    { op: 'Add', path: 'nickName', value: 'Countess' },
    { op: 'Add', path: 'addresses[type eq "work"].country', value: 'England' },
    {
      op: 'Replace',
      path: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber',
      value: '1002',
    },
    {
      op: 'Replace',
      path: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department',
      value: 'Engines',
    },
  ],
} as const

/** With the flag: attributes that have one value come together, by their paths. */
export const ENTRA_UPDATE_WITH_FLAG = {
  schemas: PATCH,
  Operations: [
    { op: 'replace', path: 'emails[type eq "work"].value', value: 'grace@keydesk.example' },
    {
      op: 'replace',
      value: {
        displayName: 'Grace Hopper',
        'name.givenName': 'Grace',
        'name.familyName': 'Hopper',
        'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber': '1003',
        'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department': 'Compilers',
      },
    },
  ],
} as const

export const ENTRA_DISABLE = {
  schemas: PATCH,
  Operations: [{ op: 'Replace', path: 'active', value: 'False' }],
} as const

export const ENTRA_DISABLE_WITH_FLAG = {
  schemas: PATCH,
  Operations: [{ op: 'replace', path: 'active', value: false }],
} as const

export const ENTRA_ENABLE = {
  schemas: PATCH,
  Operations: [{ op: 'Replace', path: 'active', value: 'True' }],
} as const

export const ENTRA_GROUP = {
  schemas: [
    'urn:ietf:params:scim:schemas:core:2.0:Group',
    'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group',
  ],
  externalId: '8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159',
  displayName: 'Helpdesk',
  meta: { resourceType: 'Group' },
} as const

export const ENTRA_RENAME_GROUP = {
  schemas: PATCH,
  Operations: [{ op: 'Replace', path: 'displayName', value: 'Service desk' }],
} as const

export function entraAddMember(userId: string) {
  const value = [{ $ref: null, value: userId }]
  return { schemas: PATCH, Operations: [{ op: 'Add', path: 'members', value }] }
}

/** Without the flag who goes is in the value, which RFC 7644 does not know. */
export function entraRemoveMember(userId: string) {
  const value = [{ $ref: null, value: userId }]
  return { schemas: PATCH, Operations: [{ op: 'Remove', path: 'members', value }] }
}

export function entraRemoveMemberWithFlag(userId: string) {
  const path = `members[value eq "${userId}"]`
  return { schemas: PATCH, Operations: [{ op: 'remove', path }] }
}
