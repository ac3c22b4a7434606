/**
 * Goal: a device request token is good for one device, request and time, and nothing else passes.
 * Method: the vectors of docs/spec/device-requests/, and round trips.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { decodeJwt, jwtVerify } from 'jose'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DeviceRequestError,
  readClaimedSigner,
  requestForgottenAt,
  signDeviceRequest,
  verifyDeviceRequest,
  type DeviceRequestErrorCode,
  type RequestTarget,
} from './device-request.ts'
import { jwkThumbprint } from './jwk-thumbprint.ts'

interface Vector {
  name: string
  token: string
  subject: string
  target: { origin: string; method: string; url: string; body: string }
  now: string
}
const vectors = JSON.parse(
  readFileSync(new URL('../../../docs/spec/device-requests/vectors.json', import.meta.url), 'utf8'),
) as {
  deviceKey: { thumbprint: string; privateKey: Record<string, string> }
  accept: Vector[]
  refuse: (Vector & { code: DeviceRequestErrorCode })[]
}
const privateKey = createPrivateKey({ key: vectors.deviceKey.privateKey, format: 'jwk' })
const publicKey = createPublicKey(privateKey)

function verify(vector: Vector) {
  const target = { ...vector.target, body: new TextEncoder().encode(vector.target.body) }
  const { token, subject } = vector
  return verifyDeviceRequest({ token, publicKey, subject, target, now: new Date(vector.now) })
}

describe('vectors', () => {
  test('the device key has the published thumbprint', () => {
    expect(jwkThumbprint(publicKey)).toBe(vectors.deviceKey.thumbprint)
  })

  test.each(vectors.accept)('$name is accepted', async (vector) => {
    const claims = await verify(vector)
    expect(claims.sub).toBe(vector.subject)
    expect(requestForgottenAt(claims)).toBeGreaterThan(Date.parse(vector.now) / 1000)
    // A JWT library that knows nothing of us agrees about the signature and the audience.
    const currentDate = new Date(vector.now)
    await jwtVerify(vector.token, publicKey, {
      algorithms: ['ES256'],
      audience: vector.target.origin,
      clockTolerance: 61,
      currentDate,
    })
  })

  test.each(vectors.refuse)('$name is refused as $code', async (vector) => {
    const refusal = verify(vector)
    await expect(refusal).rejects.toBeInstanceOf(DeviceRequestError)
    await expect(refusal).rejects.toMatchObject({
      code: vector.code,
      message: expect.stringMatching(MESSAGES[vector.code]) as string,
    })
  })
})

const MESSAGES: Record<DeviceRequestErrorCode, RegExp> = {
  MALFORMED: /^not a device request token$/,
  SIGNATURE: /^the signature does not hold$/,
  SUBJECT: /^iss and sub must name the signer$/,
  LIFETIME: /^exp must be 1 to 300 seconds after iat$/,
  CLOCK: /Date header$/,
  AUDIENCE: /^aud must be https:\/\/keydesk\.example$/,
  METHOD: /^htm is not/,
  URL: /^htu is not/,
  BODY: /^bh is not/,
}

const target: RequestTarget = {
  origin: 'https://keydesk.example',
  method: 'POST',
  url: '/device/v1/escrow',
  body: new TextEncoder().encode('{"a":1}'),
}

describe('signing', () => {
  test('a device names itself by its ID', async () => {
    const deviceId = '6f1c2d3e-4a5b-4c6d-8e7f-90a1b2c3d4e5'
    const issuedAt = new Date('2026-11-22T12:00:00Z')
    const token = await signDeviceRequest({ privateKey, publicKey, deviceId, target, issuedAt })
    expect(readClaimedSigner(token)).toEqual({ deviceId })
    const claims = await verifyDeviceRequest({
      token,
      publicKey,
      subject: deviceId,
      target,
      now: issuedAt,
    })
    expect(claims).toMatchObject({ iss: deviceId, sub: deviceId, exp: claims.iat + 120 })
  })

  test('before it is enrolled it names itself by its public key', async () => {
    const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const issuedAt = new Date()
    const token = await signDeviceRequest({ ...own, target, issuedAt })
    const signer = readClaimedSigner(token)
    expect(signer).toEqual({ publicKey: own.publicKey.export({ format: 'jwk' }) })
    const subject = jwkThumbprint(own.publicKey)
    const claims = await verifyDeviceRequest({
      token,
      publicKey: own.publicKey,
      subject,
      target,
      now: issuedAt,
    })
    expect(claims.sub).toBe(subject)
  })

  test('every token has a request ID of its own', async () => {
    const sign = () => signDeviceRequest({ privateKey, publicKey, target, issuedAt: new Date() })
    const ids = await Promise.all(
      Array.from({ length: 20 }, async () => decodeJwt(await sign()).jti),
    )
    expect(new Set(ids).size).toBe(20)
  })

  test('a key of another curve cannot sign', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    await expect(signDeviceRequest({ ...other, target, issuedAt: new Date() })).rejects.toThrow(
      new TypeError('a device key is a P-256 key'),
    )
  })
})

test('random text ends in a coded error', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ maxLength: 200 }), async (token) => {
      const refusal = verify({ ...vectors.accept[0]!, token })
      await expect(refusal).rejects.toMatchObject({ code: 'MALFORMED' })
    }),
  )
})
