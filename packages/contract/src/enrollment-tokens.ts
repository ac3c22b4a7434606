/**
 * `/api/v1/enrollment-tokens`: what lets a device enrol. The token itself is shown once, when it is
 * made.
 */
import { Type, type Static } from 'typebox'
import { Guid, NextAfter, OneOf, PageQuery, StrictObject, Text, Timestamp } from './fields.ts'
import { LIMITS } from './limits.ts'

export const CreateEnrollmentToken = StrictObject({
  name: Text(LIMITS.labelLengthMax, 'What the token is for, for people'),
  groupName: Type.Optional(
    Text(LIMITS.labelLengthMax, 'Group that devices enrolled with this token belong to'),
  ),
  usesMax: Type.Integer({
    minimum: 1,
    maximum: LIMITS.enrollmentTokenUsesMax,
    description: 'How many devices may enrol with it',
  }),
  expiresInSeconds: Type.Integer({
    minimum: 60,
    maximum: LIMITS.enrollmentTokenLifetimeSecondsMax,
    description: 'Seconds from now until it stops working',
  }),
})
export type CreateEnrollmentToken = Static<typeof CreateEnrollmentToken>

const tokenFields = {
  id: Guid('Name of the token in the API; not the token'),
  name: Type.String({ description: 'What the token is for' }),
  groupName: Type.Optional(Type.String({ description: 'Group of the devices it enrols' })),
  usesMax: Type.Integer({ description: 'How many devices may enrol with it' }),
  usesCount: Type.Integer({ description: 'How many devices have enrolled with it' }),
  state: OneOf(['active', 'usedUp', 'expired', 'revoked'], 'Only an active token enrols a device'),
  createdAt: Timestamp('When it was made'),
  expiresAt: Timestamp('When it stops working'),
  revokedAt: Type.Optional(Timestamp('When an administrator revoked it')),
}

export const EnrollmentToken = StrictObject(tokenFields)
export type EnrollmentToken = Static<typeof EnrollmentToken>

export const CreatedEnrollmentToken = StrictObject({
  ...tokenFields,
  token: Type.String({ description: '`keydesk_enroll_…`: shown this once, stored as a hash' }),
})
export type CreatedEnrollmentToken = Static<typeof CreatedEnrollmentToken>

export const EnrollmentTokenQuery = StrictObject(PageQuery)
export type EnrollmentTokenQuery = Static<typeof EnrollmentTokenQuery>

export const EnrollmentTokenPage = StrictObject({
  items: Type.Array(EnrollmentToken),
  nextAfter: NextAfter,
})
export type EnrollmentTokenPage = Static<typeof EnrollmentTokenPage>

export const EnrollmentTokenParams = StrictObject({ id: Guid('Name of the token in the API') })
export type EnrollmentTokenParams = Static<typeof EnrollmentTokenParams>
