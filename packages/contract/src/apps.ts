/**
 * `/api/v1/apps`: programs (what Entra calls app registrations) with what they were given and what
 * proves them. A secret is shown once, when it is made.
 */
import { Type, type Static } from 'typebox'
import { API_SCOPES, type ApiScope, type ApiScopeName } from './api-scopes.ts'
import { Guid, Name, NextAfter, OneOf, PageQuery, StrictObject, Text, Timestamp } from './fields.ts'
import { LIMITS } from './limits.ts'

/** The scopes that can be given to an app: then it has them without any person. */
export const APP_ROLES = Object.entries(API_SCOPES as Readonly<Record<string, ApiScope>>).flatMap(
  ([name, { kinds }]) => (kinds.includes('application') ? [name as ApiScopeName] : []),
)

const DisplayName = Name(LIMITS.displayNameLengthMax, 'Name of the app; unique in any case')
const Description = Name(LIMITS.descriptionLengthMax, 'What the app is for')
const ExternalClientId = Type.String({
  pattern: '^[\\x21-\\x7e]{1,255}$',
  description: 'Client ID that it has at the external issuer, whose access tokens name it',
})
const AppRoles = Type.Array(OneOf(APP_ROLES, "Graph's name of an application permission"), {
  maxItems: APP_ROLES.length,
  uniqueItems: true,
  description: 'What it may do for all devices; more, and for some devices only, by roles',
})

export const CreateApp = StrictObject({
  displayName: DisplayName,
  description: Type.Optional(Description),
  appRoles: Type.Optional(AppRoles),
  externalClientId: Type.Optional(ExternalClientId),
})
export type CreateApp = Static<typeof CreateApp>

/** What is absent stays as it is. */
export const ChangeApp = StrictObject({
  displayName: Type.Optional(DisplayName),
  description: Type.Optional(
    Type.Union([Description, Type.Null({ description: 'Takes it away' })]),
  ),
  isEnabled: Type.Optional(
    Type.Boolean({ description: 'false cuts it off at once; its earlier tokens never come back' }),
  ),
  appRoles: Type.Optional(AppRoles),
  externalClientId: Type.Optional(
    Type.Union([ExternalClientId, Type.Null({ description: 'Takes it away' })]),
  ),
})
export type ChangeApp = Static<typeof ChangeApp>

const credentialFields = {
  id: Guid('Name of the credential in the API; not the secret'),
  kind: OneOf(['secret', 'publicKey'], '`publicKey`: the app signs with its own key'),
  name: Type.String({ description: 'What it is for, or where it is kept' }),
  hint: Type.Optional(Type.String({ description: 'Last characters of the secret' })),
  keyId: Type.Optional(Type.String({ description: '`kid` that the app writes into its JWTs' })),
  isForRoles: Type.Boolean({
    description:
      'Made by somebody who may give roles. Any other does not prove an app that has roles or app roles',
  }),
  state: OneOf(['active', 'expired', 'revoked'], 'Only an active one proves the app'),
  createdAt: Timestamp('When it was made'),
  expiresAt: Timestamp('When it stops working'),
  lastUsedAt: Type.Optional(Timestamp('When it last gave a token, to a minute')),
  revokedAt: Type.Optional(Timestamp('When it was revoked')),
}

export const AppCredential = StrictObject(credentialFields)
export type AppCredential = Static<typeof AppCredential>

export const App = StrictObject({
  id: Guid('The app; also its client ID at the built-in issuer'),
  displayName: Type.String({ description: 'Its name' }),
  description: Type.Optional(Type.String({ description: 'What it is for' })),
  isEnabled: Type.Boolean({
    description: 'A disabled one gets no tokens, and its tokens no answer',
  }),
  appRoles: Type.Array(Type.String(), { description: 'What it may do for all devices' }),
  externalClientId: Type.Optional(
    Type.String({ description: 'Client ID that it has at the external issuer' }),
  ),
  credentials: Type.Array(AppCredential, { description: 'The newest first' }),
  createdAt: Timestamp('When it was registered'),
  updatedAt: Timestamp('When it was last changed'),
})
export type App = Static<typeof App>

export const AppQuery = StrictObject(PageQuery)
export type AppQuery = Static<typeof AppQuery>

export const AppPage = StrictObject({ items: Type.Array(App), nextAfter: NextAfter })
export type AppPage = Static<typeof AppPage>

export const AppParams = StrictObject({ appId: Guid('App') })
export type AppParams = Static<typeof AppParams>

const newCredential = {
  name: Name(LIMITS.labelLengthMax, 'What it is for, or where it is kept'),
  expiresInSeconds: Type.Integer({
    minimum: 60,
    maximum: LIMITS.appCredentialLifetimeSecondsMax,
    description: 'Seconds from now until it stops working',
  }),
}

export const CreateAppSecret = StrictObject(newCredential)
export type CreateAppSecret = Static<typeof CreateAppSecret>

export const CreatedAppSecret = StrictObject({
  ...credentialFields,
  secret: Type.String({ description: '`keydesk_app_…`: shown this once, stored as a hash' }),
})
export type CreatedAppSecret = Static<typeof CreatedAppSecret>

const Coordinate = (name: string) =>
  Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: `${name} of the point, base64url` })

export const CreateAppPublicKey = StrictObject({
  ...newCredential,
  publicKey: StrictObject(
    {
      kty: OneOf(['EC'], 'RFC 7518 §6.2'),
      crv: OneOf(['P-256'], 'For ES256'),
      x: Coordinate('x'),
      y: Coordinate('y'),
      kid: Type.Optional(
        Text(LIMITS.labelLengthMax, 'How the app names the key; its RFC 7638 thumbprint if absent'),
      ),
      use: Type.Optional(OneOf(['sig'], 'Only for signatures')),
      alg: Type.Optional(OneOf(['ES256'], 'The only algorithm')),
    },
    { description: 'Public JWK. The private half never leaves the app.' },
  ),
})
export type CreateAppPublicKey = Static<typeof CreateAppPublicKey>

export const AppCredentialParams = StrictObject({
  appId: Guid('App'),
  credentialId: Guid('Credential'),
})
export type AppCredentialParams = Static<typeof AppCredentialParams>
