/** `POST /api/v1/issuer-keys`: a new key for the tokens of the built-in issuer, before its time. */
import { Type, type Static } from 'typebox'
import { StrictObject, Timestamp } from './fields.ts'

export const RotatedIssuerKey = StrictObject({
  keyId: Type.String({ description: 'RFC 7638 thumbprint: `kid` of the tokens that it signs' }),
  signsFrom: Timestamp('Until then the key before signs, so that every server knows the new one'),
})
export type RotatedIssuerKey = Static<typeof RotatedIssuerKey>
