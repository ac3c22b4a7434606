/**
 * Local accounts of the built-in issuer: invitations and password resets made by an administrator,
 * and what the pages of the sign-in take. Passwords and codes come in by forms of those pages only.
 */
import { Type, type Static } from 'typebox'
import { Name, StrictObject, Timestamp } from './fields.ts'
import { LIMITS } from './limits.ts'
import { UserPrincipalName } from './users.ts'

export const ResetPassword = StrictObject({
  removeSecondFactors: Type.Optional(
    Type.Boolean({
      description: 'Also removes authenticator app, backup codes and passkeys; false if absent',
    }),
  ),
})
export type ResetPassword = Static<typeof ResetPassword>

export const CreatedLink = StrictObject({
  url: Type.String({ description: 'Works once; shown this once. Give it to the person.' }),
  expiresAt: Timestamp('When it stops working'),
})
export type CreatedLink = Static<typeof CreatedLink>

/** The form of the first administrator. */
export const CreateFirstAdministrator = Type.Object({
  userPrincipalName: UserPrincipalName,
  displayName: Name(LIMITS.displayNameLengthMax, 'Name as others see it'),
  password: Type.String({ description: 'See the rules of passwords in docs/limits.md' }),
})
export type CreateFirstAdministrator = Static<typeof CreateFirstAdministrator>
