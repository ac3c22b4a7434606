/**
 * Judged by `jose`, both ways and for many keys and signatures; our tokens' own rules are tested
 * with them.
 */

import { generateKeyPairSync, sign, verify } from 'node:crypto'
import * as fc from 'fast-check'
import { CompactSign, compactVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { isSignedBy, parseJson, readCompactJws, signCompactJws } from './compact-jws.ts'
import { ecdsaDerToJws, ecdsaJwsToDer } from './ecdsa-signature.ts'
import { publicKeyFromSpki } from './public-key.ts'

const KEYS = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
}
const payload = { iss: 'x', text: 'ä €', number: 1 }

describe.each(['ES256', 'EdDSA'] as const)('%s', (algorithm) => {
  const { privateKey, publicKey } = KEYS[algorithm]
  const ours = () =>
    signCompactJws({ header: { alg: algorithm, typ: 't' }, payload, algorithm, privateKey })

  test('jose verifies what we sign', async () => {
    // Often enough for numbers with leading zeros and with the first bit set.
    for (let round = 0; round < 300; round += 1) {
      const verified = await compactVerify(ours(), publicKey)
      expect(parseJson(verified.payload)).toEqual(payload)
      expect(verified.protectedHeader).toEqual({ alg: algorithm, typ: 't' })
    }
  })

  test('we verify what jose signs', async () => {
    for (let round = 0; round < 300; round += 1) {
      const token = await new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
        .setProtectedHeader({ alg: algorithm })
        .sign(privateKey)
      const jws = readCompactJws(token)!
      expect(isSignedBy(jws, algorithm, publicKey)).toBe(true)
      expect(parseJson(jws.payload)).toEqual(payload)
    }
  })

  test('any changed character of the token is noticed', async () => {
    const token = ours()
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: token.length - 1 }),
        fc.constantFrom('A', 'B'),
        async (at, by) => {
          fc.pre(token[at] !== by)
          const jws = readCompactJws(token.slice(0, at) + by + token.slice(at + 1))
          const isAccepted = jws !== undefined && isSignedBy(jws, algorithm, publicKey)
          expect(isAccepted).toBe(false)
        },
      ),
    )
  })

  test('a key of another kind is misuse, not a failed signature', () => {
    const jws = readCompactJws(ours())!
    const other = algorithm === 'ES256' ? KEYS.EdDSA : KEYS.ES256
    expect(() => isSignedBy(jws, algorithm, other.publicKey)).toThrow(
      new TypeError(`${algorithm} needs another key`),
    )
  })
})

describe('ECDSA signatures', () => {
  test('round trip between their forms, for any numbers', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (bytes) => {
        const signature = Uint8Array.from(bytes)
        expect(ecdsaDerToJws(ecdsaJwsToDer(signature))).toEqual(signature)
      }),
    )
  })

  test('in DER are those that OpenSSL makes and takes', () => {
    const data = new Uint8Array(10)
    const { privateKey, publicKey } = KEYS.ES256
    for (let round = 0; round < 300; round += 1) {
      const der = sign('sha256', data, privateKey)
      expect(ecdsaJwsToDer(ecdsaDerToJws(der))).toEqual(Uint8Array.from(der))
      const raw = sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
      expect(verify('sha256', data, publicKey, ecdsaJwsToDer(raw))).toBe(true)
    }
  })
})

test('a public key is read back from its DER form', () => {
  for (const { publicKey } of Object.values(KEYS)) {
    const spki = publicKey.export({ format: 'der', type: 'spki' })
    expect(publicKeyFromSpki(spki).equals(publicKey)).toBe(true)
  }
  expect(() => publicKeyFromSpki(new Uint8Array(91))).toThrow(/asn1|decode|unsupported/i)
})
