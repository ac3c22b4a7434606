/**
 * Goal: a sealed key opens for its own device, volume and protector and for nothing else (P6).
 * Method: the vectors of docs/spec/sealed-key/, `@hpke/core` as a second reader, and properties.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBase64Url, encodeBase64Url } from './base64url.ts'
import { guidToNetworkBytes } from './guid-bytes.ts'
import { independentOpen } from './independent-hpke.ts'
import { jwkThumbprint } from './jwk-thumbprint.ts'
import {
  SealedKeyError,
  openSealedKey,
  readSealedKey,
  sealRecoveryKey,
  type KeyBinding,
  type SealedKeyErrorCode,
} from './sealed-key.ts'

interface Sealed extends KeyBinding {
  name: string
  sealedKey: string
}
const vectors = JSON.parse(
  readFileSync(new URL('../../../docs/spec/sealed-key/vectors.json', import.meta.url), 'utf8'),
) as {
  vaultKey: { id: string; privateKey: Record<string, string> }
  open: (Sealed & { recoveryKey: string; ephemeralPrivateKey: Record<string, string> })[]
  refuse: (Sealed & { code: SealedKeyErrorCode })[]
  refuseText: { name: string; text: string }[]
}

const vaultPrivateKey = createPrivateKey({ key: vectors.vaultKey.privateKey, format: 'jwk' })
const vaultPublicKey = createPublicKey(vaultPrivateKey)
const bytes = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

describe('vectors', () => {
  test('the vault key has the published ID', () => {
    expect(jwkThumbprint(vaultPrivateKey)).toBe(vectors.vaultKey.id)
    expect(jwkThumbprint(vaultPublicKey)).toBe(vectors.vaultKey.id)
  })

  test.each(vectors.open)('$name opens, and sealing again gives its bytes', (vector) => {
    const sealedKey = decodeBase64Url(vector.sealedKey)!
    const opened = openSealedKey({ sealedKey, vaultPrivateKey, binding: vector })
    expect(opened).toEqual(bytes(vector.recoveryKey))
    const ephemeral = createPrivateKey({ key: vector.ephemeralPrivateKey, format: 'jwk' })
    const again = sealRecoveryKey({
      recoveryKey: opened,
      vaultPublicKey,
      binding: vector,
      ephemeral,
    })
    expect(encodeBase64Url(again)).toBe(vector.sealedKey)
  })

  test.each(vectors.open)('$name opens with @hpke/core from the specification alone', async (v) => {
    const sealedKey = decodeBase64Url(v.sealedKey)!
    const aad = Uint8Array.of(
      1,
      ...sealedKey.subarray(1, 33),
      ...guidToNetworkBytes(v.deviceId),
      ...guidToNetworkBytes(v.volumeId),
      ...guidToNetworkBytes(v.protectorId),
    )
    const opened = await independentOpen({
      privateJwk: vectors.vaultKey.privateKey,
      info: new TextEncoder().encode('keydesk sealed-key v1'),
      associatedData: aad,
      enc: sealedKey.subarray(33, 98),
      ciphertext: sealedKey.subarray(98),
    })
    expect(opened).toEqual(bytes(v.recoveryKey))
  })

  test.each(vectors.refuse)('$name is refused as $code', (vector) => {
    const sealedKey = decodeBase64Url(vector.sealedKey)!
    const error = refusal(sealedKey, vector)
    expect(error.code).toBe(vector.code)
    expect(error.message).toMatch(MESSAGES[vector.code])
  })

  test.each(vectors.refuseText)('$name is not base64url', ({ text }) => {
    expect(decodeBase64Url(text)).toBeUndefined()
  })
})

const MESSAGES: Record<SealedKeyErrorCode, RegExp> = {
  LENGTH: /has 130 bytes/,
  VERSION: /version .* not known/,
  VAULT_KEY: /another vault key/,
  OPEN: /was changed or belongs to another/,
}

function refusal(sealedKey: Uint8Array, binding: KeyBinding): SealedKeyError {
  try {
    openSealedKey({ sealedKey, vaultPrivateKey, binding })
  } catch (error) {
    if (error instanceof SealedKeyError) return error
    throw error
  }
  throw new Error('it opened')
}

describe('properties', () => {
  const guid = fc.uuid().map((text) => text.toLowerCase())
  const binding = fc.record({ deviceId: guid, volumeId: guid, protectorId: guid })
  const recoveryKey = fc.uint8Array({ minLength: 16, maxLength: 16 })

  test('what is sealed opens', () => {
    fc.assert(
      fc.property(recoveryKey, binding, (key, ids) => {
        const sealedKey = sealRecoveryKey({ recoveryKey: key, vaultPublicKey, binding: ids })
        expect(sealedKey).toHaveLength(130)
        expect(openSealedKey({ sealedKey, vaultPrivateKey, binding: ids })).toEqual(
          Uint8Array.from(key),
        )
      }),
    )
  })

  test('any changed bit is refused with a coded error', () => {
    const ids = vectors.open[0]!
    const sealedKey = decodeBase64Url(ids.sealedKey)!
    fc.assert(
      fc.property(fc.nat({ max: 130 * 8 - 1 }), (bit) => {
        const changed = sealedKey.slice()
        changed[bit >> 3]! ^= 1 << (bit & 7)
        expect(refusal(changed, ids)).toBeInstanceOf(SealedKeyError)
      }),
      { numRuns: process.env['SLOW'] === '1' ? 2000 : 200 },
    )
  })

  test('random bytes of any length end in a coded error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), binding, (sealedKey, ids) => {
        expect(refusal(sealedKey, ids)).toBeInstanceOf(SealedKeyError)
      }),
    )
  })

  test('two seals of the same key differ', () => {
    const key = new Uint8Array(16)
    const ids = vectors.open[0]!
    const [one, two] = [1, 2].map(() =>
      sealRecoveryKey({ recoveryKey: key, vaultPublicKey, binding: ids }),
    )
    expect(one).not.toEqual(two)
    expect(readSealedKey(one!).vaultKeyId).toBe(vectors.vaultKey.id)
  })
})

describe('misuse is a TypeError', () => {
  const ids = vectors.open[0]!
  test('a recovery key that has not 16 bytes', () => {
    expect(() =>
      sealRecoveryKey({ recoveryKey: new Uint8Array(15), vaultPublicKey, binding: ids }),
    ).toThrow(new TypeError('a recovery key has 16 bytes'))
  })
  test('a GUID in another form', () => {
    const binding = { ...ids, deviceId: ids.deviceId.toUpperCase() }
    expect(() =>
      sealRecoveryKey({ recoveryKey: new Uint8Array(16), vaultPublicKey, binding }),
    ).toThrow(new TypeError('not a lower-case GUID without braces'))
  })
  test('a vault key of another curve', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    expect(() =>
      sealRecoveryKey({
        recoveryKey: new Uint8Array(16),
        vaultPublicKey: other.publicKey,
        binding: ids,
      }),
    ).toThrow(/not a P-256 key|different parameters|mismatch/i)
  })
})
