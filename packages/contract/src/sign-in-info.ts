/**
 * `GET /api/v1/sign-in-info`: where the command line and the agent sign a person in, so that the
 * address of the service is all that anybody has to type. Open to everybody, as everything in it is
 * public. Only scopes, client IDs and the issuer are here; endpoints come from the issuer's own
 * metadata (`{issuer}/.well-known/openid-configuration`).
 */
import { Type, type Static } from 'typebox'
import { StrictObject } from './fields.ts'

const SignInClient = StrictObject({
  clientId: Type.String({ description: 'Public client, for the device authorization grant' }),
  scope: Type.String({ description: 'What to ask for: scopes separated by spaces' }),
})

export const SignInInfo = StrictObject({
  issuer: Type.String({ description: 'Issuer identifier, an https URL' }),
  audience: Type.String({ description: 'What access tokens for this service name in `aud`' }),
  resource: Type.Optional(
    Type.String({
      description: 'Send as `resource` (RFC 8707) with every token request; absent: do not',
    }),
  ),
  stepUpAcrValues: Type.Optional(
    Type.String({ description: 'Send as `acr_values` for a strong sign-in; absent: do not' }),
  ),
  cli: Type.Optional(SignInClient),
  agent: Type.Optional(SignInClient),
})
export type SignInInfo = Static<typeof SignInInfo>
