/**
 * What proves an app: secrets, stored as keyed hashes, and public keys, stored with a keyed MAC.
 * Both are bound to their app under a key derived from the vault key, so nobody who only writes the
 * database can add a credential or move one to another app.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { P256PublicJwk } from '@keydesk/contract'
import { derivedKey } from '../vault/derived-key.ts'
import type { Keyring } from '../vault/keyring.ts'

const SECRET_LABEL = 'keydesk app-secret v1'
const KEY_LABEL = 'keydesk app-public-key v1'

/** 32 bytes. */
export function hashAppSecret(keyring: Keyring, appId: string, secret: string): Buffer {
  return mac(keyring, SECRET_LABEL, [appId, secret])
}

/** 32 bytes. */
export function publicKeyMac(
  keyring: Keyring,
  owner: { readonly appId: string; readonly credentialId: string },
  { x, y }: Pick<P256PublicJwk, 'x' | 'y'>,
): Buffer {
  return mac(keyring, KEY_LABEL, [owner.appId, owner.credentialId, x, y])
}

/** In constant time. */
export function isSameMac(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

function mac(keyring: Keyring, label: string, names: readonly string[]): Buffer {
  return createHmac('sha256', derivedKey(keyring, label)).update(JSON.stringify(names)).digest()
}
