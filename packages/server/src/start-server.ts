/**
 * The start of a server, step by step: data directory, vault key, database, schema, deployment,
 * HTTP. Each step that opens something adds its own end to the stop, so a start that fails half way
 * leaves nothing behind either.
 */

import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { createSetupLink } from './accounts/create-setup-link.ts'
import { buildApp } from './app.ts'
import { startBackgroundWork } from './background-work.ts'
import type { Config } from './config.ts'
import { clusterDirectory, prepareDataDirectory } from './db/embedded/data-directory.ts'
import { startEmbeddedPostgres } from './db/embedded/embedded-postgres.ts'
import { inspectDatabase } from './db/external-postgres.ts'
import { migrate } from './db/migrate.ts'
import { openDatabase } from './db/open-database.ts'
import { systemClock, type Deps } from './deps.ts'
import { StartError } from './errors.ts'
import { firstRunText } from './first-run-text.ts'
import type { App } from './http/app-type.ts'
import { untilCutOff, type GracefulStop } from './ops/graceful-stop.ts'
import { createMetrics } from './ops/metrics.ts'
import { createReadiness } from './ops/readiness-checks.ts'
import { openDeployment } from './vault/deployment.ts'
import type { Keyring } from './vault/keyring.ts'
import { openKeyring } from './vault/open-keyring.ts'

export interface StartServerOptions {
  readonly config: Config
  readonly log: Logger
  readonly stop: GracefulStop
  /** Shows a text to the person who starts a new deployment. It holds a secret. */
  readonly announce: (text: string) => void
}

/** @throws StartError with what is wrong and what to do. */
export async function startServer(options: StartServerOptions): Promise<void> {
  const { config, log, stop } = options
  prepareDataDirectory(config.dataDir)
  const { url, keyring } =
    config.databaseUrl === undefined
      ? await openEmbedded(options)
      : await openExternal(config, config.databaseUrl)

  const report = await inspectDatabase(url)
  for (const warning of report.warnings) log.warn(warning)
  const applied = await migrate(url)
  if (applied.length > 0) log.info({ applied }, 'brought the database up to date')

  const db = openDatabase({
    url,
    poolMax: config.databasePoolMax,
    onSessionError: (error) => {
      // PostgreSQL ends faster than its sessions say goodbye.
      if (!stop.isStopping) log.warn({ err: error }, 'a database session broke')
    },
  })
  stop.add('database sessions', (cutOff) => untilCutOff(db.destroy(), cutOff))
  await openDeployment({
    db,
    keyring,
    vaultKeyFile: config.vaultKeyFile,
    now: systemClock.now(),
    onFirstRun: async (trx) => {
      const link = await createSetupLink(trx, { config, keyring, clock: systemClock })
      options.announce(firstRunText(config, link))
    },
  })

  const deps: Deps = {
    config,
    db,
    clock: systemClock,
    keyring,
    log,
    metrics: createMetrics(),
    readiness: createReadiness(db, keyring),
  }
  const app = await buildApp(deps)
  const work = startBackgroundWork(deps)
  stop.add('background work', () => work.stop())
  stop.add('HTTP', async (cutOff) => {
    cutOff.addEventListener('abort', () => app.server.closeAllConnections())
    await untilCutOff(app.close(), cutOff)
  })
  await listen(app, config)
  const { port } = app.server.address() as AddressInfo
  log.info({ host: config.host, port, origin: config.origin }, 'ready')
}

/** Vault key before database: see `open-keyring.ts`. */
async function openEmbedded(
  options: StartServerOptions,
): Promise<{ url: string; keyring: Keyring }> {
  const { config, log, stop } = options
  const clusterDir = clusterDirectory(config.dataDir)
  const keyring = openKeyring({
    path: config.vaultKeyFile,
    now: systemClock.now(),
    existingDatabase: existsSync(clusterDir) ? clusterDir : undefined,
  })
  const starting = startEmbeddedPostgres({
    dataDir: config.dataDir,
    poolMax: config.databasePoolMax,
    log,
    onFailure: (reason) => {
      log.fatal({ reason }, 'the database is gone; stopping')
      void stop.stop(1)
    },
  })
  // Also when the signal comes while it is starting. A start that fails has stopped it itself.
  stop.add('PostgreSQL', async () => {
    const postgres = await starting.catch(() => undefined)
    await postgres?.stop()
  })
  return { url: (await starting).url, keyring }
}

async function openExternal(
  config: Config,
  url: string,
): Promise<{ url: string; keyring: Keyring }> {
  const { isKeydesk } = await inspectDatabase(url)
  const keyring = openKeyring({
    path: config.vaultKeyFile,
    now: systemClock.now(),
    existingDatabase: isKeydesk ? 'DATABASE_URL' : undefined,
  })
  return { url, keyring }
}

async function listen(app: App, config: Config): Promise<void> {
  try {
    await app.listen({ host: config.host, port: config.port })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const reason = LISTEN_PROBLEMS[code ?? ''] ?? code ?? 'unknown'
    throw new StartError(
      `Keydesk cannot listen on ${config.host} port ${config.port}: ${reason}. ` +
        'Set KEYDESK_HOST and KEYDESK_PORT to an address that is free.',
      { cause: error },
    )
  }
}

const LISTEN_PROBLEMS: Readonly<Record<string, string | undefined>> = {
  EADDRINUSE: 'another program listens there',
  EACCES: 'this user may not use that port',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'there is no such host',
}
