/**
 * Opens a stored recovery key. It opens only as the key of the device, volume and protector it was
 * sealed for (promise P6): whoever swaps or edits rows in the database gets an error, never another
 * device's key.
 */

import { isSameKeyCheck, keyCheck } from '@keydesk/contract/receipt'
import { SealedKeyError, openSealedKey, type KeyBinding } from '@keydesk/contract/sealed-key'
import { AppError } from '../errors.ts'
import type { Keyring } from './keyring.ts'

export interface StoredKeyRow extends KeyBinding {
  readonly sealedKey: Uint8Array
  readonly keyCheck: string
}

/** 16 bytes; the caller wipes them. Throws AppError KEY_UNREADABLE. */
export function openStoredKey(keyring: Keyring, row: StoredKeyRow): Uint8Array {
  let recoveryKey: Uint8Array
  try {
    recoveryKey = openSealedKey({
      sealedKey: row.sealedKey,
      vaultPrivateKey: keyring.vaultKey.privateKey,
      binding: row,
    })
  } catch (error) {
    if (!(error instanceof SealedKeyError)) throw error
    throw unreadable(error)
  }
  // An older copy of the same row would open: the check says whether it is the key of the receipt.
  if (!isSameKeyCheck(keyCheck(recoveryKey, row), row.keyCheck)) {
    recoveryKey.fill(0)
    throw unreadable()
  }
  return recoveryKey
}

function unreadable(cause?: SealedKeyError): AppError {
  return new AppError(
    'KEY_UNREADABLE',
    'The stored key does not belong to this device, volume and protector, or was damaged. ' +
      'Nothing was shown. Tell whoever runs this service.',
    cause === undefined ? {} : { cause },
  )
}
