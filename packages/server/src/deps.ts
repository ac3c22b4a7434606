/**
 * What the business rules get from outside, passed as an argument and never imported: so a test
 * hands in a database of its own and a clock that it can turn.
 */

import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { Database } from './db/schema.ts'
import type { Metrics } from './ops/metrics.ts'
import type { Readiness } from './ops/readiness.ts'
import type { Keyring } from './vault/keyring.ts'

export interface Clock {
  now(): Date
}

export interface Deps {
  readonly config: Config
  readonly db: Kysely<Database>
  readonly clock: Clock
  /** The private keys of this deployment. Only `vault/` and the receipt signer may touch them. */
  readonly keyring: Keyring
  readonly log: Logger
  readonly metrics: Metrics
  /** Parts with a state of their own (a sequencer) add a check. */
  readonly readiness: Readiness
}

export const systemClock: Clock = { now: () => new Date() }
