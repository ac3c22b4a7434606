/**
 * The device's own key: P-256, made once, before the first request, and kept in the state file.
 * Source of truth for its use: docs/spec/device-requests.md.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** A P-256 private key as a JWK. */
export interface DeviceKeyJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
  /** Secret. */
  readonly d: string
}

export interface DeviceKeyPair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export function generateDeviceKey(): DeviceKeyJwk {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x, y, d } = privateKey.export({ format: 'jwk' })
  if (x === undefined || y === undefined || d === undefined) throw new Error('not an EC key')
  return { kty: 'EC', crv: 'P-256', x, y, d }
}

export function deviceKeyPair(jwk: DeviceKeyJwk): DeviceKeyPair {
  const privateKey = createPrivateKey({ key: { ...jwk }, format: 'jwk' })
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

/** A public key that came from the service (or from the state file) as a JWK. */
export function publicKeyOf(jwk: object): KeyObject {
  return createPublicKey({ key: { ...jwk }, format: 'jwk' })
}
