/**
 * What proves an app: secrets, stored as keyed hashes, and public keys, stored with a keyed MAC.
 * Both are bound to their app, and to whether they count once it has roles, under a key derived
 * from the vault key: nobody who only writes the database can add a credential, move one to another
 * app or let one count for more.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { P256PublicJwk } from '@keydesk/contract'
import { derivedKey } from '../vault/derived-key.ts'
import type { Keyring } from '../vault/keyring.ts'

const SECRET_LABEL = 'keydesk app-secret v1'
const KEY_LABEL = 'keydesk app-public-key v1'

/** 32 bytes. */
export function hashAppSecret(
  keyring: Keyring,
  { appId, isForRoles }: { readonly appId: string; readonly isForRoles: boolean },
  secret: string,
): Buffer {
  return mac(keyring, SECRET_LABEL, [appId, String(isForRoles), secret])
}

/** 32 bytes. */
export function publicKeyMac(
  keyring: Keyring,
  owner: { readonly appId: string; readonly credentialId: string; readonly isForRoles: boolean },
  { x, y }: Pick<P256PublicJwk, 'x' | 'y'>,
): Buffer {
  return mac(keyring, KEY_LABEL, [owner.appId, owner.credentialId, String(owner.isForRoles), x, y])
}

/** In constant time. */
export function isSameMac(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

function mac(keyring: Keyring, label: string, names: readonly string[]): Buffer {
  return createHmac('sha256', derivedKey(keyring, label)).update(JSON.stringify(names)).digest()
}
