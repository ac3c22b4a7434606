/**
 * Goal: a device believes a receipt only from the pinned server, about this very key (P1, P2, P7).
 * Method: the vectors of docs/spec/receipt/, and properties.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { compactVerify } from 'jose'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jwkThumbprint } from './jwk-thumbprint.ts'
import {
  ReceiptError,
  isSameKeyCheck,
  keyCheck,
  signReceipt,
  verifyReceipt,
  type ReceiptErrorCode,
} from './receipt.ts'
import type { KeyBinding } from './sealed-key.ts'

interface Vector extends KeyBinding {
  name: string
  origin: string
  recoveryKey: string
  receipt: string
}
const vectors = JSON.parse(
  readFileSync(new URL('../../../docs/spec/receipt/vectors.json', import.meta.url), 'utf8'),
) as {
  receiptKey: { id: string; privateKey: Record<string, string> }
  accept: (Vector & { keyCheck: string; escrowedAt: string })[]
  refuse: (Vector & { code: ReceiptErrorCode })[]
}
const privateKey = createPrivateKey({ key: vectors.receiptKey.privateKey, format: 'jwk' })
const publicKey = createPublicKey(privateKey)
const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

function verify(vector: Vector) {
  const { receipt, origin, deviceId, volumeId, protectorId } = vector
  return verifyReceipt({
    receipt,
    publicKey,
    origin,
    binding: { deviceId, volumeId, protectorId },
    recoveryKey: bytes(vector.recoveryKey),
  })
}

const MESSAGES: Record<ReceiptErrorCode, RegExp> = {
  MALFORMED: /^not a receipt$/,
  KEY: /another key than the pinned one/,
  SIGNATURE: /does not hold/,
  ORIGIN: /another server/,
  BINDING: /another device, volume or protector/,
  KEY_CHECK: /another recovery key/,
}

describe('vectors', () => {
  test.each(vectors.accept)('$name is accepted, and signing again gives its bytes', async (v) => {
    const receipt = await verify(v)
    expect(receipt.escrowedAt).toBe(v.escrowedAt)
    expect(receipt.keyCheck).toBe(v.keyCheck)
    expect(keyCheck(bytes(v.recoveryKey), v)).toBe(v.keyCheck)
    const again = await signReceipt({
      privateKey,
      keyId: vectors.receiptKey.id,
      origin: v.origin,
      binding: v,
      keyCheck: v.keyCheck,
      escrowedAt: new Date(v.escrowedAt),
    })
    expect(again).toBe(v.receipt)
  })

  test.each(vectors.accept)('$name is a plain JWS to any library', async (vector) => {
    const { protectedHeader } = await compactVerify(vector.receipt, publicKey)
    expect(protectedHeader).toEqual({
      alg: 'EdDSA',
      typ: 'keydesk-receipt+jwt',
      kid: jwkThumbprint(publicKey),
    })
  })

  test.each(vectors.refuse)('$name is refused as $code', async (vector) => {
    const refusal = verify(vector)
    await expect(refusal).rejects.toBeInstanceOf(ReceiptError)
    await expect(refusal).rejects.toMatchObject({
      code: vector.code,
      message: expect.stringMatching(MESSAGES[vector.code]) as string,
    })
  })
})

describe('key check', () => {
  const guid = fc.uuid().map((text) => text.toLowerCase())
  const binding = fc.record({ deviceId: guid, volumeId: guid, protectorId: guid })
  const recoveryKey = fc.uint8Array({ minLength: 16, maxLength: 16 })

  test('any changed bit of the recovery key changes it', () => {
    fc.assert(
      fc.property(recoveryKey, binding, fc.nat({ max: 127 }), (key, ids, bit) => {
        const other = Uint8Array.from(key)
        other[bit >> 3]! ^= 1 << (bit & 7)
        expect(isSameKeyCheck(keyCheck(key, ids), keyCheck(other, ids))).toBe(false)
        expect(isSameKeyCheck(keyCheck(key, ids), keyCheck(key, ids))).toBe(true)
      }),
    )
  })

  test('it differs for every device, volume and protector', () => {
    fc.assert(
      fc.property(recoveryKey, binding, guid, (key, ids, other) => {
        for (const name of ['deviceId', 'volumeId', 'protectorId'] as const) {
          fc.pre(ids[name] !== other)
          expect(keyCheck(key, { ...ids, [name]: other })).not.toBe(keyCheck(key, ids))
        }
      }),
    )
  })

  test('a recovery key that has not 16 bytes is a TypeError', () => {
    expect(() => keyCheck(new Uint8Array(17), vectors.accept[0]!)).toThrow(
      new TypeError('a recovery key has 16 bytes'),
    )
  })
})
