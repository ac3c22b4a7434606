/**
 * `/api/v1/me/sessions` and `/api/v1/users/:userId/sessions`: browser sessions, seen and ended by whose
 * they are and by administrators. Access tokens are not among them.
 */
import { Type, type Static } from 'typebox'
import { Guid, StrictObject, Timestamp } from './fields.ts'

export const Session = StrictObject({
  id: Guid('Session'),
  isCurrent: Type.Boolean({ description: 'Whether it is the one that asks' }),
  createdAt: Timestamp('When the person signed in, or stepped up'),
  lastSeenAt: Timestamp('Last use, to the minute'),
  expiresAt: Timestamp('When it ends however much it is used'),
  authenticatedAt: Type.Optional(Timestamp('When the person last proved who he is')),
  methods: Type.Array(Type.String(), {
    description: 'How, as RFC 8176 names it: `pwd`, `otp`, `hwk`, …',
  }),
  ipAddress: Type.String({ description: 'Where it was begun' }),
  userAgent: Type.Optional(Type.String({ description: 'What the browser called itself' })),
})
export type Session = Static<typeof Session>

export const SessionList = StrictObject({
  items: Type.Array(Session, { description: 'Newest first; all that are open, up to a bound' }),
})
export type SessionList = Static<typeof SessionList>

export const OwnSessionParams = StrictObject({ id: Guid('Session') })
export const UserSessionsParams = StrictObject({ userId: Guid('User') })
export const UserSessionParams = StrictObject({ userId: Guid('User'), sessionId: Guid('Session') })

export const EndedSessions = StrictObject({
  ended: Type.Integer({
    minimum: 0,
    description: 'How many sessions were open and have ended now',
  }),
})
export type EndedSessions = Static<typeof EndedSessions>
