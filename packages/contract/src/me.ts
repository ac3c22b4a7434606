/**
 * `GET /api/v1/me`: who asks, and what he may do. What the portal needs to show only what works;
 * the server judges every request anew.
 */
import { Type, type Static } from 'typebox'
import { Guid, OneOf, StrictObject, Timestamp } from './fields.ts'

const MyRole = StrictObject({
  roleId: Guid('Built-in or custom role'),
  effect: OneOf(['allow', 'deny'], 'A deny wins over every allow'),
  scope: Type.String({
    description: '`/`, `/administrativeUnits/{id}` or `/devices/{id}`',
  }),
})

export const MySession = StrictObject({
  id: Guid('Session'),
  csrfToken: Type.String({
    description:
      'Send as `x-keydesk-csrf` with every request that changes something; good for this session',
  }),
})

export const Me = StrictObject({
  type: OneOf(['user', 'app'], 'A person or a program'),
  id: Guid('User or app'),
  name: Type.String({ description: 'User principal name, or name of the app' }),
  displayName: Type.Optional(Type.String({ description: 'Of a person' })),
  roles: Type.Array(MyRole, { description: 'Role assignments that count now, by groups too' }),
  permissions: Type.Array(Type.String(), {
    description: 'Permissions that are held for the whole directory or for some devices',
  }),
  authenticatedAt: Type.Optional(Timestamp('When the person last proved who he is')),
  methods: Type.Optional(Type.Array(Type.String(), { description: 'How: RFC 8176' })),
  stepUpUntil: Type.Optional(
    Timestamp('Until when that is recent and strong enough for a disclosure; absent: it is not'),
  ),
  session: Type.Optional(MySession),
})
export type Me = Static<typeof Me>
