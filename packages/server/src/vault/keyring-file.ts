/**
 * The vault key file: the private keys of a deployment on the disk.
 *
 * JSON, mode 0600, written once, whole, and never again. Losing it loses every stored recovery
 * password; leaking it, together with the database, leaks them all. So a server makes one only
 * where there is no database yet, refuses one that others can read, and says when it is not the one
 * that the database was made with (`deployment.ts`). A later version of the format adds the audit
 * log's signing key beside the two that are here.
 */

import { readFileSync, statSync } from 'node:fs'
import { matches } from '@keydesk/contract'
import { Type, type Static } from 'typebox'
import { StartError } from '../errors.ts'
import { createFileOnce } from '../ops/durable-file.ts'
import { generateKeyring, keyringKeyFromJwk, type Keyring, type KeyringKey } from './keyring.ts'

const StoredKey = Type.Object(
  {
    id: Type.String(),
    privateKey: Type.Object(
      {
        kty: Type.String(),
        crv: Type.String(),
        x: Type.String(),
        y: Type.Optional(Type.String()),
        d: Type.String(),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
)
type StoredKey = Static<typeof StoredKey>

const FORMAT = 'keydesk-vault-key'

const StoredKeyring = Type.Object(
  {
    format: Type.Literal(FORMAT),
    version: Type.Literal(1),
    createdAt: Type.String(),
    vaultKey: StoredKey,
    receiptKey: StoredKey,
  },
  { additionalProperties: false },
)

/** Two keys in JSON are about 700 bytes. */
const FILE_BYTES_MAX = 64 * 1024
const OTHERS = 0o077

/**
 * @returns undefined when there is no such file.
 * @throws StartError when it can be read by others, is damaged, or is not a vault key file.
 */
export function loadKeyring(path: string): Keyring | undefined {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return undefined
  // Windows keeps rights in lists that these bits do not show.
  if (process.platform !== 'win32' && (stats.mode & OTHERS) !== 0) {
    throw new StartError(
      `The vault key file ${path} can be read by other users (mode ` +
        `${(stats.mode & 0o777).toString(8).padStart(4, '0')}). Run: chmod 600 ${path}`,
    )
  }
  const stored = stats.isFile() && stats.size <= FILE_BYTES_MAX ? readJson(path) : undefined
  if (!matches(StoredKeyring, stored)) throw damaged(path)
  return {
    vaultKey: loadKey(path, stored.vaultKey, 'P-256'),
    receiptKey: loadKey(path, stored.receiptKey, 'Ed25519'),
  }
}

/**
 * Makes new keys and their file. When another server was faster, its file is loaded instead.
 *
 * @throws StartError when the file cannot be written.
 */
export function createKeyring(path: string, now: Date): Keyring {
  const keyring = generateKeyring()
  const stored: Static<typeof StoredKeyring> = {
    format: FORMAT,
    version: 1,
    createdAt: now.toISOString(),
    vaultKey: storedKey(keyring.vaultKey),
    receiptKey: storedKey(keyring.receiptKey),
  }
  try {
    createFileOnce(path, `${JSON.stringify(stored, undefined, 2)}\n`)
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown'
    throw new StartError(
      `The vault key file ${path} cannot be written (${reason}). ` +
        'Make its directory writable, or set KEYDESK_VAULT_KEY_FILE to another place.',
      { cause: error },
    )
  }
  // Read back: what the devices will seal to is what the disk really holds.
  const loaded = loadKeyring(path)
  if (loaded === undefined) throw damaged(path)
  return loaded
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    // A syntax error quotes the file; its text must go nowhere.
    if (error instanceof SyntaxError) return undefined
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown'
    throw new StartError(`The vault key file ${path} cannot be read (${reason}).`)
  }
}

function loadKey(path: string, stored: StoredKey, curve: 'P-256' | 'Ed25519'): KeyringKey {
  let key: KeyringKey
  try {
    key = keyringKeyFromJwk(stored.privateKey)
  } catch (error) {
    if (error instanceof TypeError) throw damaged(path)
    throw error
  }
  if (key.publicJwk.crv !== curve || key.id !== stored.id) throw damaged(path)
  return key
}

function storedKey(key: KeyringKey): StoredKey {
  const jwk = key.privateKey.export({ format: 'jwk' })
  return { id: key.id, privateKey: jwk as StoredKey['privateKey'] }
}

function damaged(path: string): StartError {
  return new StartError(
    `The vault key file ${path} is damaged or is not one. Restore it from a backup; ` +
      'a new one could not open what is stored.',
  )
}
