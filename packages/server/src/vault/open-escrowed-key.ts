/**
 * Opens a recovery key that a device hands over: the check before a receipt is given (promise P5: a
 * receipt means that the stored copy can be read).
 */

import { decodeBase64Url } from '@keydesk/contract/base64url'
import { SealedKeyError, openSealedKey, type KeyBinding } from '@keydesk/contract/sealed-key'
import { AppError } from '../errors.ts'
import type { Keyring } from './keyring.ts'

export interface EscrowedKey {
  readonly sealedKey: Uint8Array
  /** 16 bytes; whoever gets them wipes them. */
  readonly recoveryKey: Uint8Array
}

/** Throws AppError SEALED_KEY_INVALID or VAULT_KEY_UNKNOWN. */
export function openEscrowedKey(
  keyring: Keyring,
  sealedKeyText: string,
  binding: KeyBinding,
): EscrowedKey {
  const sealedKey = decodeBase64Url(sealedKeyText)
  if (sealedKey === undefined) {
    throw new AppError('SEALED_KEY_INVALID', 'sealedKey is not canonical base64url.')
  }
  try {
    const vaultPrivateKey = keyring.vaultKey.privateKey
    return { sealedKey, recoveryKey: openSealedKey({ sealedKey, vaultPrivateKey, binding }) }
  } catch (error) {
    if (!(error instanceof SealedKeyError)) throw error
    if (error.code === 'VAULT_KEY') {
      throw new AppError(
        'VAULT_KEY_UNKNOWN',
        'Seal the key to the vault key that this server gave at enrolment.',
        { cause: error },
      )
    }
    throw new AppError(
      'SEALED_KEY_INVALID',
      `Seal the key for this device, volume and protector: ${error.message}.`,
      { cause: error },
    )
  }
}
