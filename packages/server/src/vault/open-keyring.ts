/**
 * Decides whether this start may make a vault key: only where nothing is stored yet.
 *
 * Order at the first run: key file, then database. So a crash leaves a key without a database,
 * which the next start goes on with, and never a database whose key was not yet on the disk.
 */

import { StartError } from '../errors.ts'
import { createKeyring, loadKeyring } from './keyring-file.ts'
import type { Keyring } from './keyring.ts'

export interface OpenKeyringOptions {
  readonly path: string
  readonly now: Date
  /** Where the database is, for the message; `undefined` when there is none yet. */
  readonly existingDatabase: string | undefined
}

/** @throws StartError when a database exists and its key does not. */
export function openKeyring(options: OpenKeyringOptions): Keyring {
  const keyring = loadKeyring(options.path)
  if (keyring !== undefined) return keyring
  if (options.existingDatabase !== undefined) {
    throw new StartError(
      `The vault key file ${options.path} is missing, but there is a database ` +
        `(${options.existingDatabase}). Without its key no stored recovery password can be read: ` +
        'restore the file from its backup. No new key was made.',
    )
  }
  return createKeyring(options.path, options.now)
}
