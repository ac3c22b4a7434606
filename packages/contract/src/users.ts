/**
 * `/api/v1/users`: the people of the directory. How they sign in (passwords, sessions) is not here;
 * who provisions them from outside is SCIM.
 */
import { Type, type Static } from 'typebox'
import {
  Guid,
  Name,
  NextAfter,
  OneOf,
  PageQuery,
  Search,
  StrictObject,
  Timestamp,
} from './fields.ts'
import { LIMITS } from './limits.ts'

const DOMAIN = '[A-Za-z0-9](?:[A-Za-z0-9.-]{0,188}[A-Za-z0-9])?'

/** `name@domain` in ASCII, so that no two names look alike. Compared without regard to case. */
export const UserPrincipalName = Type.String({
  pattern: `^[A-Za-z0-9'._!#^~+-]{1,64}@${DOMAIN}$`,
  maxLength: LIMITS.userPrincipalNameLengthMax,
  description:
    'User principal name, such as `alice@keydesk.example`; unique in any case of letters',
})

/** RFC 5321 without quoting and address literals. */
export const MailAddress = Type.String({
  pattern: `^[A-Za-z0-9.!#$%&'*+/=?^_\`{|}~-]{1,64}@${DOMAIN}$`,
  maxLength: LIMITS.userPrincipalNameLengthMax,
  description: 'Where mail reaches the person',
})

const DisplayName = Name(LIMITS.displayNameLengthMax, 'Name as others see it')
const GivenName = Name(LIMITS.personFactLengthMax, 'Given name')
const FamilyName = Name(LIMITS.personFactLengthMax, 'Family name')
const Department = Name(LIMITS.personFactLengthMax, 'Department')

/** A text, or null to take it away. */
function OrNull<T extends ReturnType<typeof Name>>(schema: T) {
  return Type.Optional(Type.Union([schema, Type.Null({ description: 'Takes it away' })]))
}

export const CreateUser = StrictObject({
  userPrincipalName: UserPrincipalName,
  displayName: DisplayName,
  givenName: Type.Optional(GivenName),
  familyName: Type.Optional(FamilyName),
  mail: Type.Optional(MailAddress),
  department: Type.Optional(Department),
  isActive: Type.Optional(Type.Boolean({ description: 'Whether he may sign in; true if absent' })),
})
export type CreateUser = Static<typeof CreateUser>

/** What is absent stays as it is. `isActive` needs the permission to disable users. */
export const ChangeUser = StrictObject({
  userPrincipalName: Type.Optional(UserPrincipalName),
  displayName: Type.Optional(DisplayName),
  givenName: OrNull(GivenName),
  familyName: OrNull(FamilyName),
  mail: OrNull(MailAddress),
  department: OrNull(Department),
  isActive: Type.Optional(
    Type.Boolean({ description: 'False ends every session and refuses every token, at once' }),
  ),
})
export type ChangeUser = Static<typeof ChangeUser>

const userFields = {
  id: Guid('User'),
  userPrincipalName: Type.String({ description: 'By which he signs in' }),
  displayName: Type.String({ description: 'Name as others see it' }),
  givenName: Type.Optional(Type.String({ description: 'Given name' })),
  familyName: Type.Optional(Type.String({ description: 'Family name' })),
  mail: Type.Optional(Type.String({ description: 'Where mail reaches the person' })),
  department: Type.Optional(Type.String({ description: 'Department' })),
  isActive: Type.Boolean({ description: 'Whether he may sign in' }),
  source: OneOf(
    ['local', 'issuer', 'scim'],
    '`local`: made here; `issuer`: by his first sign-in; `scim`: provisioned from outside',
  ),
  createdAt: Timestamp('When he was added'),
  updatedAt: Timestamp('When something of this last changed'),
}

export const User = StrictObject(userFields)
export type User = Static<typeof User>

/** How other answers name a user. */
export const UserReference = StrictObject({
  id: Guid('User'),
  userPrincipalName: Type.String({ description: 'By which he signs in' }),
  displayName: Type.String({ description: 'Name as others see it' }),
})
export type UserReference = Static<typeof UserReference>

export const UserDetail = StrictObject({
  ...userFields,
  groups: Type.Optional(
    Type.Array(
      StrictObject({ id: Guid('Group'), displayName: Type.String({ description: 'Its name' }) }),
      { description: 'Groups that he is in; absent for whoever may not see groups' },
    ),
  ),
  devices: Type.Array(
    StrictObject({ id: Guid('Device'), name: Type.String({ description: 'Computer name' }) }),
    { description: 'Devices that he owns, as far as the caller may see them' },
  ),
  roleAssignments: Type.Optional(
    Type.Array(
      StrictObject({
        id: Guid('Role assignment'),
        roleId: Guid('Role'),
        effect: OneOf(['allow', 'deny'], 'A deny wins over every allow'),
        scope: Type.String({
          description: '`/`, `/administrativeUnits/{id}` or `/devices/{id}`',
        }),
        groupId: Type.Optional(Guid('Group by which he has it; absent if it is his own')),
        expiresAt: Type.Optional(Timestamp('When it ends')),
      }),
      { description: 'Absent for whoever may not see role assignments' },
    ),
  ),
})
export type UserDetail = Static<typeof UserDetail>

const PersonSearch = Search(
  'Beginning of the principal name, the display name or the mail address; case is free',
)

export const UserQuery = StrictObject({
  ...PageQuery,
  search: Type.Optional(PersonSearch),
  isActive: Type.Optional(OneOf(['true', 'false'], 'Only those who may, or may not, sign in')),
  groupId: Type.Optional(Guid('Only members of this group')),
})
export type UserQuery = Static<typeof UserQuery>

export const UserPage = StrictObject({ items: Type.Array(User), nextAfter: NextAfter })
export type UserPage = Static<typeof UserPage>

export const UserParams = StrictObject({ userId: Guid('User') })
export type UserParams = Static<typeof UserParams>
