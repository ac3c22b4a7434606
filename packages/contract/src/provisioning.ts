/**
 * `/api/v1/provisioning-tokens`: what lets a SCIM client (Entra ID, Okta, …) provision users and
 * groups. The token itself is shown once, when it is made. SCIM's own shapes are RFC 7643's, in
 * `/scim/v2/Schemas`.
 */
import { Type, type Static } from 'typebox'
import { Guid, NextAfter, OneOf, PageQuery, StrictObject, Text, Timestamp } from './fields.ts'
import { LIMITS } from './limits.ts'

export const CreateProvisioningToken = StrictObject({
  name: Text(LIMITS.labelLengthMax, 'Who provisions with it, for people and the audit log'),
  expiresInSeconds: Type.Integer({
    minimum: 60,
    maximum: LIMITS.provisioningTokenLifetimeSecondsMax,
    description: 'Seconds from now until it stops working',
  }),
})
export type CreateProvisioningToken = Static<typeof CreateProvisioningToken>

const tokenFields = {
  id: Guid('Name of the token in the API and the audit log; not the token'),
  name: Type.String({ description: 'Who provisions with it' }),
  state: OneOf(['active', 'expired', 'revoked'], 'Only an active token provisions'),
  createdAt: Timestamp('When it was made'),
  expiresAt: Timestamp('When it stops working'),
  lastUsedAt: Type.Optional(Timestamp('When it was last used, within a minute')),
  revokedAt: Type.Optional(Timestamp('When an administrator revoked it')),
}

export const ProvisioningToken = StrictObject(tokenFields)
export type ProvisioningToken = Static<typeof ProvisioningToken>

export const CreatedProvisioningToken = StrictObject({
  ...tokenFields,
  token: Type.String({ description: '`keydesk_scim_…`: shown this once, stored as a hash' }),
})
export type CreatedProvisioningToken = Static<typeof CreatedProvisioningToken>

export const ProvisioningTokenQuery = StrictObject(PageQuery)
export type ProvisioningTokenQuery = Static<typeof ProvisioningTokenQuery>

export const ProvisioningTokenPage = StrictObject({
  items: Type.Array(ProvisioningToken),
  nextAfter: NextAfter,
})
export type ProvisioningTokenPage = Static<typeof ProvisioningTokenPage>

export const ProvisioningTokenParams = StrictObject({ id: Guid('Name of the token in the API') })
export type ProvisioningTokenParams = Static<typeof ProvisioningTokenParams>
