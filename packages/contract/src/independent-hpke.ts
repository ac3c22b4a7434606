/**
 * `@hpke/core`, an HPKE that we did not write, as the judge of ours in tests. Never used by the
 * product.
 *
 * Its types speak of the DOM's CryptoKey, which this project does not load: the two calls that the
 * tests need are declared here.
 */
import type { JsonWebKey } from 'node:crypto'
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core'

interface Suite {
  readonly kem: {
    importKey(format: 'jwk', key: JsonWebKey, isPublic: boolean): Promise<object>
  }
  seal(
    to: { recipientPublicKey: object; info: Uint8Array },
    plaintext: Uint8Array,
    associatedData: Uint8Array,
  ): Promise<{ enc: ArrayBuffer; ct: ArrayBuffer }>
  open(
    from: { recipientKey: object; enc: Uint8Array; info: Uint8Array },
    ciphertext: Uint8Array,
    associatedData: Uint8Array,
  ): Promise<ArrayBuffer>
}

const suite = new CipherSuite({
  kem: new DhkemP256HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
}) as unknown as Suite

export async function independentSeal(options: {
  readonly publicJwk: JsonWebKey
  readonly info: Uint8Array
  readonly associatedData: Uint8Array
  readonly plaintext: Uint8Array
}): Promise<{ enc: Uint8Array; ciphertext: Uint8Array }> {
  const recipientPublicKey = await suite.kem.importKey('jwk', options.publicJwk, true)
  const { info, plaintext, associatedData } = options
  const sealed = await suite.seal({ recipientPublicKey, info }, plaintext, associatedData)
  return { enc: new Uint8Array(sealed.enc), ciphertext: new Uint8Array(sealed.ct) }
}

export async function independentOpen(options: {
  readonly privateJwk: JsonWebKey
  readonly info: Uint8Array
  readonly associatedData: Uint8Array
  readonly enc: Uint8Array
  readonly ciphertext: Uint8Array
}): Promise<Uint8Array> {
  const recipientKey = await suite.kem.importKey('jwk', options.privateJwk, false)
  const { enc, info, ciphertext, associatedData } = options
  // A copy each: the library takes the whole buffer behind a view.
  const from = { recipientKey, enc: enc.slice(), info: info.slice() }
  return new Uint8Array(await suite.open(from, ciphertext.slice(), associatedData.slice()))
}
