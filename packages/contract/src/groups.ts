/** `/api/v1/groups`: groups of people, which may hold roles. Groups of devices are device sets. */
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

const DisplayName = Name(
  LIMITS.displayNameLengthMax,
  'Name of the group; unique in any case of letters',
)
const Description = Name(LIMITS.descriptionLengthMax, 'What the group is for')

export const CreateGroup = StrictObject({
  displayName: DisplayName,
  description: Type.Optional(Description),
  issuerGroup: Type.Optional(
    Name(
      LIMITS.displayNameLengthMax,
      'The value by which the groups claim of your issuer names it: who signs in with it is in it',
    ),
  ),
})
export type CreateGroup = Static<typeof CreateGroup>

/** What is absent stays as it is. */
export const ChangeGroup = StrictObject({
  displayName: Type.Optional(DisplayName),
  description: Type.Optional(
    Type.Union([Description, Type.Null({ description: 'Takes it away' })]),
  ),
})
export type ChangeGroup = Static<typeof ChangeGroup>

export const Group = StrictObject({
  id: Guid('Group'),
  displayName: Type.String({ description: 'Its name' }),
  description: Type.Optional(Type.String({ description: 'What it is for' })),
  source: OneOf(
    ['local', 'issuer', 'scim'],
    '`local`: made here; `issuer`: by the groups claim of a sign-in; `scim`: provisioned',
  ),
  externalId: Type.Optional(
    Type.String({ description: 'Its name in the groups claim or in SCIM of whoever has it' }),
  ),
  memberCount: Type.Integer({ minimum: 0, description: 'How many users are in it' }),
  createdAt: Timestamp('When it was added'),
  updatedAt: Timestamp('When its name or description last changed'),
})
export type Group = Static<typeof Group>

export const GroupQuery = StrictObject({
  ...PageQuery,
  search: Type.Optional(Search('Beginning of the name; case is free')),
})
export type GroupQuery = Static<typeof GroupQuery>

export const GroupPage = StrictObject({ items: Type.Array(Group), nextAfter: NextAfter })
export type GroupPage = Static<typeof GroupPage>

export const GroupParams = StrictObject({ groupId: Guid('Group') })
export type GroupParams = Static<typeof GroupParams>

/**
 * Members to add and to remove, in one step: users of a group, devices of a device set. Idempotent:
 * who is in it already, or is not, changes nothing.
 */
export const ChangeMembers = StrictObject({
  add: Type.Optional(
    Type.Array(Guid('A user or device'), {
      maxItems: LIMITS.membersPerRequestMax,
      description: 'To be members',
    }),
  ),
  remove: Type.Optional(
    Type.Array(Guid('A user or device'), {
      maxItems: LIMITS.membersPerRequestMax,
      description: 'To be members no longer',
    }),
  ),
})
export type ChangeMembers = Static<typeof ChangeMembers>

export const ChangedMembers = StrictObject({
  added: Type.Integer({ minimum: 0, description: 'How many were not members before' }),
  removed: Type.Integer({ minimum: 0, description: 'How many were' }),
})
export type ChangedMembers = Static<typeof ChangedMembers>

export const MemberQuery = StrictObject(PageQuery)
export type MemberQuery = Static<typeof MemberQuery>
