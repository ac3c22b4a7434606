/** What the person who starts a new deployment has to know, once. */

import { join } from 'node:path'
import type { Config } from './config.ts'
import type { Secret } from './http/secret.ts'

export function firstRunText(config: Config, administratorSecret: Secret<string>): string {
  const database =
    config.databaseUrl === undefined
      ? join(config.dataDir, 'postgres')
      : 'the PostgreSQL of DATABASE_URL'
  return `
Keydesk is starting for the first time.

  Address     ${config.origin}
  Database    ${database}
  Vault key   ${config.vaultKeyFile}

Back up the vault key file now, apart from the database. Without it no stored
recovery password can be read; with it and the database, all of them can.

The administrator's secret is shown this once. Keep it where you keep passwords,
and send it as "Authorization: Bearer ...":

  ${administratorSecret.reveal()}

`
}
