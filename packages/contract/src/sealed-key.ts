/**
 * A recovery key sealed to the vault: how it leaves the device, and how it is stored.
 *
 * Source of truth: docs/spec/sealed-key.md, with vectors in docs/spec/sealed-key/. Invariant
 * (promise P6): a sealed key opens only for the device, volume and protector it was sealed for.
 *
 *   offset size  field
 *        0    1  version, 0x01
 *        1   32  vault key ID: RFC 7638 SHA-256 thumbprint
 *       33   65  HPKE enc: uncompressed P-256 point
 *       98   32  HPKE ciphertext: 16 bytes of recovery key, 16 bytes of tag
 */
import type { KeyObject } from 'node:crypto'
import { decodeBase64Url, encodeBase64Url } from './base64url.ts'
import { guidToNetworkBytes } from './guid-bytes.ts'
import { AEADS, HpkeOpenError, POINT_LENGTH, hpkeOpen, hpkeSeal } from './hpke.ts'
import { jwkThumbprint } from './jwk-thumbprint.ts'
import { LIMITS } from './limits.ts'

const VERSION = 0x01
const KEY_ID_OFFSET = 1
const ENC_OFFSET = 33
const CIPHERTEXT_OFFSET = ENC_OFFSET + POINT_LENGTH
const RECOVERY_KEY_LENGTH = 16
const INFO = new TextEncoder().encode('keydesk sealed-key v1')

/** What a sealed key belongs to: GUIDs in lower case without braces. */
export interface KeyBinding {
  readonly deviceId: string
  readonly volumeId: string
  readonly protectorId: string
}

export type SealedKeyErrorCode =
  | 'LENGTH'
  | 'VERSION'
  /** Sealed to another vault key than the one at hand. */
  | 'VAULT_KEY'
  /** Changed, or sealed for another device, volume or protector. */
  | 'OPEN'

export class SealedKeyError extends Error {
  readonly code: SealedKeyErrorCode

  constructor(code: SealedKeyErrorCode, message: string) {
    super(message)
    this.name = 'SealedKeyError'
    this.code = code
  }
}

/**
 * Seals a 16-byte recovery key to the vault's public P-256 key; 130 bytes. Two seals of the same
 * key differ. The caller wipes `recoveryKey`.
 */
export function sealRecoveryKey(options: {
  readonly recoveryKey: Uint8Array
  readonly vaultPublicKey: KeyObject
  readonly binding: KeyBinding
  /** For test vectors only: a P-256 private key. */
  readonly ephemeral?: KeyObject
}): Uint8Array {
  const { recoveryKey, vaultPublicKey, binding, ephemeral } = options
  if (recoveryKey.length !== RECOVERY_KEY_LENGTH) {
    throw new TypeError(`a recovery key has ${RECOVERY_KEY_LENGTH} bytes`)
  }
  const keyId = vaultKeyIdBytes(vaultPublicKey)
  const { enc, ciphertext } = hpkeSeal({
    recipient: vaultPublicKey,
    aead: AEADS.aes256Gcm,
    info: INFO,
    associatedData: associatedData(keyId, binding),
    plaintext: recoveryKey,
    ...(ephemeral === undefined ? {} : { ephemeral }),
  })
  const sealed = new Uint8Array(LIMITS.sealedKeyBytes)
  sealed[0] = VERSION
  sealed.set(keyId, KEY_ID_OFFSET)
  sealed.set(enc, ENC_OFFSET)
  sealed.set(ciphertext, CIPHERTEXT_OFFSET)
  return sealed
}

/**
 * Opens a sealed key; the caller wipes the 16 bytes it gets.
 *
 * @throws SealedKeyError, and nothing else, whatever the bytes are. The message says nothing about
 * the key.
 */
export function openSealedKey(options: {
  readonly sealedKey: Uint8Array
  readonly vaultPrivateKey: KeyObject
  readonly binding: KeyBinding
}): Uint8Array {
  const { sealedKey, vaultPrivateKey, binding } = options
  const { vaultKeyId, enc, ciphertext } = readSealedKey(sealedKey)
  if (vaultKeyId !== vaultKeyIdText(vaultPrivateKey)) {
    throw new SealedKeyError('VAULT_KEY', 'the key is sealed to another vault key')
  }
  try {
    return hpkeOpen({
      recipient: vaultPrivateKey,
      aead: AEADS.aes256Gcm,
      info: INFO,
      associatedData: associatedData(vaultKeyIdBytes(vaultPrivateKey), binding),
      enc,
      ciphertext,
    })
  } catch (error) {
    if (!(error instanceof HpkeOpenError)) throw error
    throw new SealedKeyError(
      'OPEN',
      'the sealed key was changed or belongs to another device, volume or protector',
    )
  }
}

/** The parts of a sealed key, unauthenticated: before opening, nothing of it can be trusted. */
export function readSealedKey(sealedKey: Uint8Array): {
  vaultKeyId: string
  enc: Uint8Array
  ciphertext: Uint8Array
} {
  // The version comes first: another one may have another length.
  if (sealedKey.length > 0 && sealedKey[0] !== VERSION) {
    throw new SealedKeyError('VERSION', 'the version of the sealed key is not known')
  }
  if (sealedKey.length !== LIMITS.sealedKeyBytes) {
    throw new SealedKeyError('LENGTH', `a sealed key has ${LIMITS.sealedKeyBytes} bytes`)
  }
  return {
    vaultKeyId: encodeBase64Url(sealedKey.subarray(KEY_ID_OFFSET, ENC_OFFSET)),
    enc: sealedKey.subarray(ENC_OFFSET, CIPHERTEXT_OFFSET),
    ciphertext: sealedKey.subarray(CIPHERTEXT_OFFSET),
  }
}

/**
 * AAD, 81 bytes: version ‖ vault key ID (32) ‖ device ID (16) ‖ volume ID (16) ‖ protector ID (16).
 * Every field has a fixed length, so no two bindings share an encoding.
 */
function associatedData(vaultKeyId: Uint8Array, binding: KeyBinding): Uint8Array {
  const bytes = new Uint8Array(81)
  bytes[0] = VERSION
  bytes.set(vaultKeyId, 1)
  bytes.set(guidToNetworkBytes(binding.deviceId), 33)
  bytes.set(guidToNetworkBytes(binding.volumeId), 49)
  bytes.set(guidToNetworkBytes(binding.protectorId), 65)
  return bytes
}

/** A server has a few vault keys and opens with them all day: their IDs are computed once. */
const KEY_IDS = new WeakMap<KeyObject, string>()

function vaultKeyIdText(key: KeyObject): string {
  const known = KEY_IDS.get(key)
  if (known !== undefined) return known
  const id = jwkThumbprint(key)
  KEY_IDS.set(key, id)
  return id
}

function vaultKeyIdBytes(key: KeyObject): Uint8Array {
  const bytes = decodeBase64Url(vaultKeyIdText(key))
  if (bytes === undefined) throw new TypeError('a thumbprint is base64url')
  return bytes
}
