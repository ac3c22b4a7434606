/** Whether this server can still open what devices seal to it: the vault's part of `/readyz`. */

import { randomBytes } from 'node:crypto'
import { openSealedKey, sealRecoveryKey, type KeyBinding } from '@keydesk/contract/sealed-key'
import type { Keyring } from './keyring.ts'

/** No device's: the nil GUID of RFC 9562 §5.9. */
const NIL = '00000000-0000-0000-0000-000000000000'
const BINDING: KeyBinding = { deviceId: NIL, volumeId: NIL, protectorId: NIL }
const PROBE_BYTES = 16

/** Seals random bytes as a device would and opens them again; about a millisecond. */
export function vaultKeyWorks(keyring: Keyring): boolean {
  const probe = randomBytes(PROBE_BYTES)
  const sealedKey = sealRecoveryKey({
    recoveryKey: probe,
    vaultPublicKey: keyring.vaultKey.publicKey,
    binding: BINDING,
  })
  const opened = openSealedKey({
    sealedKey,
    vaultPrivateKey: keyring.vaultKey.privateKey,
    binding: BINDING,
  })
  return probe.equals(opened)
}
