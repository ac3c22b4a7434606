/**
 * The directory that holds everything a server must not lose: `postgres/`, `postgres-password` and,
 * unless configured elsewhere, `vault-key.json`.
 */

import { accessSync, constants, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { StartError } from '../../errors.ts'

/** The cluster of a data directory. It exists or it does not, never half. */
export function clusterDirectory(dataDir: string): string {
  return join(dataDir, 'postgres')
}

/** @throws StartError when it can neither be made nor used. */
export function prepareDataDirectory(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown'
    throw new StartError(
      `The data directory ${dataDir} cannot be used (${reason}). Make it writable for the user ` +
        'that runs Keydesk, or set KEYDESK_DATA_DIR to another one.',
      { cause: error },
    )
  }
}
