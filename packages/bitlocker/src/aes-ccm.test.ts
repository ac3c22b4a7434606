import { describe, expect, test } from 'vitest'

import { openKey, sealKey } from './aes-ccm.ts'
import { parseDatums } from './datum.ts'
import { KEY_TYPE } from './key-datum.ts'

const bytesOf = (text: string) =>
  Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))

/** The volume master key datum of bitlk-aes-xts-128, from the format reference. */
const STRETCHED = bytesOf('1a39f926dab83e947fa85125b91e556e9ecc2bc5968924e03de234878d1fd4bd')
const MASTER_KEY = bytesOf('e5862465920b1190605ae29547623fb9c0dbafab073c85634bfb0f8a4b8cf46b')
const WRAPPED = bytesOf(
  '5000000005000100c049ba6f3632d501060000000cf85869dd1a2a024c48d0f6aa00b997' +
    '005e2014c039b7de88e6906efdbe83055dcb5c097dbe3fe86860ef7bae367a13178587cd8cd11af5713d0bb7',
)
const NONCE = { time: 0x01d532366fba49c0n, counter: 6 }
const EXPECTED = { keyType: KEY_TYPE.volumeMaster, length: 32 }

const datumOf = (bytes: Uint8Array) => parseDatums(bytes, 0, bytes.length)[0]!

describe('wrapped keys', () => {
  test('what Windows wrapped is unwrapped', () => {
    expect(openKey(datumOf(WRAPPED), STRETCHED, EXPECTED)).toEqual(MASTER_KEY)
  })

  test('the same key and nonce give the bytes that Windows wrote', () => {
    const wrapped = sealKey({ keyType: KEY_TYPE.volumeMaster, key: MASTER_KEY }, STRETCHED, NONCE)
    expect(wrapped).toEqual(WRAPPED)
  })

  test('a wrong key, any flipped bit, another key type or length open nothing', () => {
    expect(openKey(datumOf(WRAPPED), MASTER_KEY, EXPECTED)).toBeUndefined()
    for (let at = 8; at < WRAPPED.length; at++) {
      const flipped = WRAPPED.with(at, WRAPPED[at]! ^ 1)
      expect(openKey(datumOf(flipped), STRETCHED, EXPECTED)).toBeUndefined()
    }
    const other = { keyType: KEY_TYPE.external, length: 32 }
    expect(openKey(datumOf(WRAPPED), STRETCHED, other)).toBeUndefined()
    expect(openKey(datumOf(WRAPPED), STRETCHED, { ...EXPECTED, length: 16 })).toBeUndefined()
  })
})
