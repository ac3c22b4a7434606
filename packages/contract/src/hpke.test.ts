/**
 * Goal: our HPKE is RFC 9180's. Method: the RFC's vectors step by step, and `@hpke/core`, an
 * implementation that we did not write, both ways.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  AEADS,
  HpkeOpenError,
  aeadOpen,
  aeadSeal,
  decapsulate,
  hpkeOpen,
  hpkeSeal,
  keySchedule,
} from './hpke.ts'
import { independentOpen, independentSeal } from './independent-hpke.ts'

interface Vectors {
  info: string
  plaintext: string
  suites: {
    name: string
    aead: keyof typeof AEADS
    skEm: string
    skRm: string
    pkRm: string
    enc: string
    sharedSecret: string
    key: string
    baseNonce: string
    exporterSecret: string
    encryptions: { sequence: number; aad: string; ct: string }[]
  }[]
}

const vectors = JSON.parse(
  readFileSync(
    new URL('../../../docs/spec/sealed-key/rfc9180-p256-base.json', import.meta.url),
    'utf8',
  ),
) as Vectors

const bytes = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
const hex = (value: Uint8Array): string =>
  [...value].map((byte) => byte.toString(16).padStart(2, '0')).join('')
const base64url = (value: Uint8Array): string =>
  btoa(String.fromCodePoint(...value))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

/** `point` is the uncompressed public point that belongs to the scalar. */
function privateKey(scalar: string, point: string): KeyObject {
  const xy = bytes(point)
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    d: base64url(bytes(scalar)),
    x: base64url(xy.slice(1, 33)),
    y: base64url(xy.slice(33)),
  }
  return createPrivateKey({ key: jwk, format: 'jwk' })
}

describe.each(vectors.suites)('RFC 9180 vector $name', (suite) => {
  const aead = AEADS[suite.aead]
  const recipient = privateKey(suite.skRm, suite.pkRm)
  const info = bytes(vectors.info)
  const plaintext = bytes(vectors.plaintext)

  test('decapsulation and key schedule give the published secrets', () => {
    const sharedSecret = decapsulate(bytes(suite.enc), recipient)
    expect(hex(sharedSecret)).toBe(suite.sharedSecret)
    const context = keySchedule(aead, sharedSecret, info)
    expect(hex(context.key)).toBe(suite.key)
    expect(hex(context.baseNonce)).toBe(suite.baseNonce)
    expect(hex(context.exporterSecret)).toBe(suite.exporterSecret)
  })

  test.each(suite.encryptions)('message $sequence seals and opens', ({ sequence, aad, ct }) => {
    const context = keySchedule(aead, bytes(suite.sharedSecret), info)
    expect(hex(aeadSeal(aead, context, sequence, bytes(aad), plaintext))).toBe(ct)
    expect(hex(aeadOpen(aead, context, sequence, bytes(aad), bytes(ct)))).toBe(vectors.plaintext)
  })

  test('sealing with the published ephemeral key gives the published bytes', () => {
    const first = suite.encryptions[0]!
    const sealed = hpkeSeal({
      recipient: createPublicKey(recipient),
      aead,
      info,
      associatedData: bytes(first.aad),
      plaintext,
      ephemeral: privateKey(suite.skEm, suite.enc),
    })
    expect(hex(sealed.enc)).toBe(suite.enc)
    expect(hex(sealed.ciphertext)).toBe(first.ct)
    const opened = hpkeOpen({
      recipient,
      aead,
      info,
      associatedData: bytes(first.aad),
      enc: bytes(suite.enc),
      ciphertext: bytes(first.ct),
    })
    expect(hex(opened)).toBe(vectors.plaintext)
  })
})

describe('against @hpke/core', () => {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const info = new TextEncoder().encode('keydesk')
  const associatedData = new TextEncoder().encode('aad')
  const plaintext = new TextEncoder().encode('0123456789abcdef')

  test('it opens what we seal', async () => {
    const sealed = hpkeSeal({
      recipient: own.publicKey,
      aead: AEADS.aes256Gcm,
      info,
      associatedData,
      plaintext,
    })
    const privateJwk = own.privateKey.export({ format: 'jwk' })
    const opened = await independentOpen({ privateJwk, info, associatedData, ...sealed })
    expect(opened).toEqual(plaintext)
  })

  test('we open what it seals', async () => {
    const publicJwk = own.publicKey.export({ format: 'jwk' })
    const sealed = await independentSeal({ publicJwk, info, associatedData, plaintext })
    const opened = hpkeOpen({
      recipient: own.privateKey,
      aead: AEADS.aes256Gcm,
      info,
      associatedData,
      ...sealed,
    })
    expect(opened).toEqual(plaintext)
  })
})

test('a ciphertext shorter than its tag does not open', () => {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const sealed = hpkeSeal({
    recipient: own.publicKey,
    aead: AEADS.aes256Gcm,
    info: new Uint8Array(),
    associatedData: new Uint8Array(),
    plaintext: new Uint8Array(),
  })
  const open = (ciphertext: Uint8Array): Uint8Array =>
    hpkeOpen({
      recipient: own.privateKey,
      aead: AEADS.aes256Gcm,
      info: new Uint8Array(),
      associatedData: new Uint8Array(),
      enc: sealed.enc,
      ciphertext,
    })
  expect(open(sealed.ciphertext)).toHaveLength(0)
  expect(() => open(sealed.ciphertext.slice(0, 15))).toThrow(HpkeOpenError)
})
