import { createCipheriv, randomBytes } from 'node:crypto'

import { expect, test } from 'vitest'

import { concatBytes, writeU64 } from './little-endian.ts'
import { XtsCipher } from './xts-cipher.ts'

/** One cipher object per sector, as OpenSSL has it. */
function reference(key: Uint8Array, sectorSize: number, first: number, plaintext: Uint8Array) {
  const parts: Uint8Array[] = []
  for (let at = 0; at < plaintext.length; at += sectorSize) {
    const tweak = new Uint8Array(16)
    writeU64(tweak, 0, first + at / sectorSize)
    const cipher = createCipheriv(key.length === 64 ? 'aes-256-xts' : 'aes-128-xts', key, tweak)
    parts.push(cipher.update(plaintext.subarray(at, at + sectorSize)))
  }
  return concatBytes(...parts)
}

test.each([
  { bits: 128, sectorSize: 512, first: 0 },
  { bits: 128, sectorSize: 4096, first: 7 },
  { bits: 256, sectorSize: 512, first: 2 ** 32 - 3 },
  { bits: 256, sectorSize: 4096, first: 2 ** 37 + 1 },
])('XTS-AES-$bits with $sectorSize byte sectors from $first is what OpenSSL makes', (example) => {
  const key = randomBytes(example.bits / 4)
  const plaintext = randomBytes(8 * example.sectorSize)
  const encrypted = new XtsCipher(key, example.sectorSize).encrypt(example.first, plaintext)
  expect(encrypted).toEqual(reference(key, example.sectorSize, example.first, plaintext))
})

test('the plaintext is left as it was', () => {
  const plaintext = new Uint8Array(1024).fill(5)
  new XtsCipher(randomBytes(32), 512).encrypt(0, plaintext)
  expect(plaintext).toEqual(new Uint8Array(1024).fill(5))
})
