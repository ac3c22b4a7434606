/**
 * The token that authenticates one request of one device: a JWT signed by the device's P-256 key
 * and bound to the method, the URL and the body, so that nothing on the way can change it or use it
 * elsewhere.
 *
 * Source of truth: docs/spec/device-requests.md, with vectors in docs/spec/device-requests/. The
 * receiver must besides remember `jti` until the token has expired: that is what stops a replay,
 * and it is not done here.
 */
import { createHash, type KeyObject } from 'node:crypto'
import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { encodeBase64Url } from './base64url.ts'
import {
  isSignedBy,
  parseJson,
  readCompactJws,
  signCompactJws,
  type CompactJws,
} from './compact-jws.ts'
import { P256PublicJwk } from './enrollment.ts'
import { Guid, StrictObject } from './fields.ts'
import { jwkThumbprint } from './jwk-thumbprint.ts'
import { LIMITS } from './limits.ts'
import { matches } from './matches.ts'

const TYPE = 'keydesk-device+jwt'
const ALGORITHM = 'ES256'
const LIFETIME_SECONDS_DEFAULT = 120

/** What a token is bound to. */
export interface RequestTarget {
  /** Origin of the server, such as `https://keydesk.example`. */
  readonly origin: string
  /** HTTP method in upper case. */
  readonly method: string
  /** Path and query exactly as in the request line. */
  readonly url: string
  /** The raw body; empty where there is none. */
  readonly body: Uint8Array
}

export type DeviceRequestErrorCode =
  | 'MALFORMED'
  | 'SIGNATURE'
  | 'SUBJECT'
  | 'LIFETIME'
  | 'CLOCK'
  | 'AUDIENCE'
  | 'METHOD'
  | 'URL'
  | 'BODY'

/** Everything but MALFORMED and SIGNATURE is said about a token whose signature holds. */
export class DeviceRequestError extends Error {
  readonly code: DeviceRequestErrorCode

  constructor(code: DeviceRequestErrorCode, message: string) {
    super(message)
    this.name = 'DeviceRequestError'
    this.code = code
  }
}

const Header = Type.Union([
  StrictObject({
    alg: Type.Literal(ALGORITHM),
    typ: Type.Literal(TYPE),
    kid: Guid('Device ID'),
  }),
  StrictObject({
    alg: Type.Literal(ALGORITHM),
    typ: Type.Literal(TYPE),
    jwk: P256PublicJwk,
  }),
])

const DeviceRequestClaims = StrictObject({
  iss: Type.String({ maxLength: 43 }),
  sub: Type.String({ maxLength: 43 }),
  aud: Type.String({ maxLength: 300 }),
  iat: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  exp: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  jti: Type.String({ pattern: `^[A-Za-z0-9_-]{${LIMITS.requestIdLength}}$` }),
  htm: Type.String({ maxLength: 16 }),
  htu: Type.String({ maxLength: 2048 }),
  bh: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
})
export type DeviceRequestClaims = Static<typeof DeviceRequestClaims>

// Compiled: a server judges thousands of tokens a second.
const headerForm = Compile(Header)
const claimsForm = Compile(DeviceRequestClaims)

/** Who says to have signed: a device by its ID, or (on enrolment) a bare public key. Unverified. */
export type ClaimedSigner = { readonly deviceId: string } | { readonly publicKey: P256PublicJwk }

/**
 * Signs one request. Without a `deviceId` (enrolment) the header carries the public key and the
 * subject is its thumbprint.
 *
 * @param options.issuedAt the device's clock, corrected by the offset it learned from the server
 */
export async function signDeviceRequest(options: {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly deviceId?: string | undefined
  readonly target: RequestTarget
  readonly issuedAt: Date
  readonly lifetimeSeconds?: number
}): Promise<string> {
  const { privateKey, publicKey, deviceId, target, issuedAt } = options
  const iat = Math.floor(issuedAt.getTime() / 1000)
  const subject = deviceId ?? jwkThumbprint(publicKey)
  const header = deviceId === undefined ? { jwk: publicJwkOf(publicKey) } : { kid: deviceId }
  return signCompactJws({
    header: { alg: ALGORITHM, typ: TYPE, ...header },
    payload: {
      iss: subject,
      sub: subject,
      aud: target.origin,
      iat,
      exp: iat + (options.lifetimeSeconds ?? LIFETIME_SECONDS_DEFAULT),
      jti: encodeBase64Url(crypto.getRandomValues(new Uint8Array(16))),
      htm: target.method,
      htu: target.url,
      bh: bodyHash(target.body),
    } satisfies DeviceRequestClaims,
    algorithm: ALGORITHM,
    privateKey,
  })
}

/**
 * Reads who says to have signed, so that the key can be looked up. Attacker-controlled: nothing is
 * verified yet.
 *
 * @throws DeviceRequestError MALFORMED
 */
export function readClaimedSigner(token: string): ClaimedSigner {
  return readToken(token).signer
}

function readToken(token: string): { jws: CompactJws; signer: ClaimedSigner } {
  const jws = token.length > LIMITS.requestTokenLengthMax ? undefined : readCompactJws(token)
  const header = jws?.header
  if (jws === undefined || !headerForm.Check(header)) throw malformed()
  const signer = 'kid' in header ? { deviceId: header.kid } : { publicKey: header.jwk }
  return { jws, signer }
}

/**
 * Verifies signature, subject, time and binding, in this order.
 *
 * @param options.subject the device ID, or the thumbprint of the key in the header
 * @returns the claims; the caller must refuse a `jti` it has seen before
 * @throws DeviceRequestError, and nothing else, whatever the token is
 */
export async function verifyDeviceRequest(options: {
  readonly token: string
  readonly publicKey: KeyObject
  readonly subject: string
  readonly target: RequestTarget
  readonly now: Date
}): Promise<DeviceRequestClaims> {
  const { jws } = readToken(options.token)
  if (!isSignedBy(jws, ALGORITHM, options.publicKey)) {
    throw new DeviceRequestError('SIGNATURE', 'the signature does not hold')
  }
  const claims = parseJson(jws.payload)
  if (!claimsForm.Check(claims)) throw malformed()
  if (claims.iss !== options.subject || claims.sub !== options.subject) {
    throw new DeviceRequestError('SUBJECT', 'iss and sub must name the signer')
  }
  checkTime(claims, options.now)
  checkBinding(claims, options.target)
  return claims
}

/** Seconds since 1970 after which the `jti` of a token need not be remembered. */
export function requestForgottenAt(claims: DeviceRequestClaims): number {
  return claims.exp + LIMITS.clockToleranceSeconds + 1
}

function checkTime(claims: DeviceRequestClaims, now: Date): void {
  const lifetime = claims.exp - claims.iat
  if (lifetime <= 0 || lifetime > LIMITS.requestLifetimeSecondsMax) {
    throw new DeviceRequestError(
      'LIFETIME',
      `exp must be 1 to ${LIMITS.requestLifetimeSecondsMax} seconds after iat`,
    )
  }
  const seconds = now.getTime() / 1000
  const tolerance = LIMITS.clockToleranceSeconds
  if (seconds < claims.iat - tolerance || seconds > claims.exp + tolerance) {
    throw new DeviceRequestError(
      'CLOCK',
      'by the clock of the server the token is not valid now: take the time from the Date header',
    )
  }
}

function checkBinding(claims: DeviceRequestClaims, target: RequestTarget): void {
  if (claims.aud !== target.origin) {
    throw new DeviceRequestError('AUDIENCE', `aud must be ${target.origin}`)
  }
  if (claims.htm !== target.method) {
    throw new DeviceRequestError('METHOD', 'htm is not the method of this request')
  }
  if (claims.htu !== target.url) {
    throw new DeviceRequestError('URL', 'htu is not the path and query of this request')
  }
  if (claims.bh !== bodyHash(target.body)) {
    throw new DeviceRequestError('BODY', 'bh is not the SHA-256 of the body of this request')
  }
}

function bodyHash(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('base64url')
}

function publicJwkOf(key: KeyObject): P256PublicJwk {
  const { kty, crv, x, y } = key.export({ format: 'jwk' })
  const jwk = { kty, crv, x, y }
  if (!matches(P256PublicJwk, jwk)) throw new TypeError('a device key is a P-256 key')
  return jwk
}

function malformed(): DeviceRequestError {
  return new DeviceRequestError('MALFORMED', 'not a device request token')
}
