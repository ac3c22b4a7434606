/**
 * Opens a stored recovery key. It opens only as the key of the device, volume and protector it was
 * sealed for (promise P6): whoever swaps or edits rows in the database gets an error, never another
 * device's key. And only with the receipt that this deployment signed for it: sealing needs no more
 * than a public key, so a row that holds together may still be one that its writer made up.
 */

import { ReceiptError, isSameKeyCheck, keyCheck, verifyReceipt } from '@keydesk/contract/receipt'
import { SealedKeyError, openSealedKey, type KeyBinding } from '@keydesk/contract/sealed-key'
import { Type } from 'typebox'
import { matches } from '@keydesk/contract'
import { AppError } from '../errors.ts'
import type { Keyring } from './keyring.ts'

export interface StoredKeyRow extends KeyBinding {
  readonly sealedKey: Uint8Array
  readonly keyCheck: string
  /** Compact JWS (docs/spec/receipt.md). */
  readonly receipt: string
}

/** 16 bytes; the caller wipes them. Throws AppError KEY_UNREADABLE. */
export async function openStoredKey(keyring: Keyring, row: StoredKeyRow): Promise<Uint8Array> {
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
  try {
    await verifyReceipt({
      receipt: row.receipt,
      publicKey: keyring.receiptKey.publicKey,
      origin: originAtEscrow(row.receipt),
      binding: row,
      recoveryKey,
    })
  } catch (error) {
    recoveryKey.fill(0)
    if (!(error instanceof ReceiptError)) throw error
    throw unreadable(error)
  }
  return recoveryKey
}

const Issued = Type.Object({ iss: Type.String() })

/**
 * A receipt names the origin of its day, and a service may move. Which origin it was does not
 * matter here: the signature is by this deployment's own key.
 */
function originAtEscrow(receipt: string): string {
  try {
    const payload = Buffer.from(receipt.split('.')[1] ?? '', 'base64url').toString()
    const issued: unknown = JSON.parse(payload)
    return matches(Issued, issued) ? issued.iss : ''
  } catch {
    // `verifyReceipt` refuses what is not JSON.
    return ''
  }
}

function unreadable(cause?: SealedKeyError | ReceiptError): AppError {
  return new AppError(
    'KEY_UNREADABLE',
    'The stored key does not belong to this device, volume and protector, or was damaged. ' +
      'Nothing was shown. Tell whoever runs this service.',
    cause === undefined ? {} : { cause },
  )
}
