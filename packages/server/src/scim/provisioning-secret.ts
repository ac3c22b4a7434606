/**
 * The bearer secret of a SCIM client: `keydesk_scim_`, the ID of its row and 256 random bits. What
 * is stored is an HMAC-SHA-256 of it with the row's ID and expiry, under a key that only the vault
 * key gives: a hash that somebody inserts, moves to another row or gives more time admits nobody.
 */

import { createHmac, randomBytes } from 'node:crypto'
import { Secret } from '../http/secret.ts'
import { derivedKey } from '../vault/derived-key.ts'
import type { Keyring } from '../vault/keyring.ts'

const LABEL = 'keydesk provisioning-token v1'
const PREFIX = 'keydesk_scim_'

export interface ProvisioningTokenRow {
  readonly id: string
  readonly expiresAt: Date
}

export function createProvisioningSecret(id: string): Secret<string> {
  const bytes = Buffer.concat([Buffer.from(id.replaceAll('-', ''), 'hex'), randomBytes(32)])
  return new Secret(PREFIX + bytes.toString('base64url'))
}

/** The row that a secret says it is of; undefined for what is not such a secret. */
export function rowOfProvisioningSecret(secret: string): string | undefined {
  const encoded = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : ''
  if (!/^[A-Za-z0-9_-]{64}$/.test(encoded)) return undefined
  const hex = Buffer.from(encoded, 'base64url').subarray(0, 16).toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** 32 bytes. */
export function hashProvisioningSecret(
  keyring: Keyring,
  row: ProvisioningTokenRow,
  secret: string,
): Buffer {
  return createHmac('sha256', derivedKey(keyring, LABEL))
    .update(JSON.stringify([row.id, row.expiresAt.toISOString(), secret]))
    .digest()
}
