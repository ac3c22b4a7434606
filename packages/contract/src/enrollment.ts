/**
 * `POST /device/v1/enroll`: a device trades an enrolment token, or the access token of the person
 * who signed in on it and becomes its owner, for an identity of its own.
 * Authenticated by a device request token with the device's public key in its header
 * (docs/spec/device-requests.md). Idempotent on that public key: the same key again gets the same
 * deviceId, uses the token once only, and leaves the owner as he is.
 */
import { Type, type Static } from 'typebox'
import { DeviceFacts } from './device.ts'
import { Guid, StrictObject, Text } from './fields.ts'
import { LIMITS } from './limits.ts'

export const EnrollRequest = StrictObject({
  enrollmentToken: Type.Optional(
    Text(LIMITS.enrollmentTokenLengthMax, '`keydesk_enroll_…`, never logged'),
  ),
  ownerAccessToken: Type.Optional(
    Text(
      LIMITS.accessTokenLengthMax,
      'Instead of `enrollmentToken`: an access token with the scope Keydesk.EnrollDevice of the ' +
        'person who is to own the device; never logged',
    ),
  ),
  device: DeviceFacts,
})
export type EnrollRequest = Static<typeof EnrollRequest>

const COORDINATE = '^[A-Za-z0-9_-]{43}$'

export const P256PublicJwk = StrictObject({
  kty: Type.Literal('EC'),
  crv: Type.Literal('P-256'),
  x: Type.String({ pattern: COORDINATE, description: 'x coordinate, 32 bytes, base64url' }),
  y: Type.String({ pattern: COORDINATE, description: 'y coordinate, 32 bytes, base64url' }),
})
export type P256PublicJwk = Static<typeof P256PublicJwk>

export const Ed25519PublicJwk = StrictObject({
  kty: Type.Literal('OKP'),
  crv: Type.Literal('Ed25519'),
  x: Type.String({ pattern: COORDINATE, description: 'Public key, 32 bytes, base64url' }),
})
export type Ed25519PublicJwk = Static<typeof Ed25519PublicJwk>

const KeyId = Type.String({
  pattern: COORDINATE,
  description: 'RFC 7638 SHA-256 thumbprint of the public key, base64url',
})

export const EnrollResponse = StrictObject({
  deviceId: Guid('The identity of the device from now on'),
  origin: Type.String({ description: 'Origin of the server: `aud` of every later device request' }),
  vaultKey: StrictObject(
    { id: KeyId, publicKey: P256PublicJwk },
    { description: 'Seal recovery keys to this key; pin it' },
  ),
  receiptKey: StrictObject(
    { id: KeyId, publicKey: Ed25519PublicJwk },
    { description: 'Verify receipts with this key; pin it' },
  ),
  checkInIntervalSeconds: Type.Integer({ minimum: 1, description: 'Seconds between check-ins' }),
})
export type EnrollResponse = Static<typeof EnrollResponse>
