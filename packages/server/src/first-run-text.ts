/** What the person who starts a new deployment has to know, once. */

import { join } from 'node:path'
import type { Config } from './config.ts'
import type { Secret } from './http/secret.ts'

export function firstRunText(config: Config, setupLink: Secret<string>): string {
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

Open this link to become the first administrator. It works once, for a day;
"node packages/server/src/main.ts administrator-link" makes another one:

  ${setupLink.reveal()}

`
}
