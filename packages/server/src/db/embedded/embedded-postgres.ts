/**
 * The PostgreSQL that a server brings along: `<data directory>/postgres`, on the loopback, started
 * and stopped with the server (docs/adr/0004-embedded-postgresql.md).
 */

import type { Logger } from 'pino'
import { removeClusterDrafts } from './init-cluster.ts'
import { prepareCluster } from './prepare-cluster.ts'
import { RunningCluster } from './running-cluster.ts'

export interface EmbeddedPostgresOptions {
  readonly dataDir: string
  /** Sessions of the server's own pool. */
  readonly poolMax: number
  readonly log: Logger
  /** PostgreSQL ended, or the cluster was taken over: the server cannot go on. */
  readonly onFailure: (reason: string) => void
  /** Tests only: settings of a throwaway cluster. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface EmbeddedPostgres {
  /** For the unprivileged role `keydesk` and its database. Holds a password. */
  readonly url: string
  /** For the superuser and the database `postgres`: the tests make databases with it. */
  readonly superuserUrl: string
  /** Ends PostgreSQL after a checkpoint. Close the sessions first. Does not throw. */
  stop(): Promise<void>
}

/** @throws StartError with what is wrong and what to do. */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const cluster = await prepareCluster(options)
  const running = new RunningCluster(cluster)
  await running.start()
  removeClusterDrafts(cluster.clusterDir)
  return {
    url: running.url('keydesk'),
    superuserUrl: running.url('postgres'),
    stop: () => running.stop(),
  }
}
