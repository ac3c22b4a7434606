/**
 * A passkey for tests, in software: an authenticator with one ES256 key and user verification, as
 * Web Authentication Level 3 §6 has it, without attestation.
 */

import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isoCBOR } from '@simplewebauthn/server/helpers'

const USER_PRESENT = 1
const USER_VERIFIED = 4
const HAS_KEY = 0x40

export class TestPasskey {
  readonly #origin: string
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  readonly #id = randomBytes(16)
  /** What it says in the next answer; a real one counts up. */
  counter = 0
  /** Base64url; what it says whose it is. Undefined: nothing. */
  userHandle: string | undefined

  constructor(origin: string) {
    this.#origin = origin
  }

  /** The answer of navigator.credentials.create to these options, both as JSON. */
  create(options: string): string {
    const { challenge, user } = JSON.parse(options) as { challenge: string; user: { id: string } }
    this.userHandle = user.id
    const length = Buffer.alloc(2)
    length.writeUInt16BE(this.#id.length)
    const key = Buffer.concat([Buffer.alloc(16), length, this.#id, this.#coseKey()])
    const attestation = new Map<string, Uint8Array | string | Map<string, string>>([
      ['fmt', 'none'],
      ['attStmt', new Map<string, string>()],
      ['authData', Uint8Array.from(Buffer.concat([this.#authenticatorData(HAS_KEY), key]))],
    ])
    return this.#answer({
      clientDataJSON: encoded(this.#clientData('webauthn.create', challenge)),
      attestationObject: encoded(isoCBOR.encode(attestation)),
    })
  }

  /** The answer of navigator.credentials.get. */
  get(options: string): string {
    const { challenge } = JSON.parse(options) as { challenge: string }
    const clientData = this.#clientData('webauthn.get', challenge)
    const authenticatorData = this.#authenticatorData(0)
    const signed = Buffer.concat([authenticatorData, sha256(clientData)])
    return this.#answer({
      clientDataJSON: encoded(clientData),
      authenticatorData: encoded(authenticatorData),
      signature: encoded(sign('sha256', signed, this.#keys.privateKey)),
      ...(this.userHandle === undefined ? {} : { userHandle: this.userHandle }),
    })
  }

  #answer(response: Readonly<Record<string, string>>): string {
    const id = encoded(this.#id)
    return JSON.stringify({
      id,
      rawId: id,
      type: 'public-key',
      clientExtensionResults: {},
      response,
    })
  }

  #clientData(type: string, challenge: string): Buffer {
    return Buffer.from(
      JSON.stringify({ type, challenge, origin: this.#origin, crossOrigin: false }),
    )
  }

  #authenticatorData(flags: number): Buffer {
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(this.counter)
    const rpId = Buffer.from(new URL(this.#origin).hostname)
    return Buffer.concat([
      sha256(rpId),
      Buffer.from([USER_PRESENT | USER_VERIFIED | flags]),
      counter,
    ])
  }

  /** RFC 9053 §7.1.1. */
  #coseKey(): Uint8Array {
    const { x = '', y = '' } = this.#keys.publicKey.export({ format: 'jwk' })
    return isoCBOR.encode(
      new Map<number, number | Uint8Array>([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, Uint8Array.from(Buffer.from(x, 'base64url'))],
        [-3, Uint8Array.from(Buffer.from(y, 'base64url'))],
      ]),
    )
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function encoded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
