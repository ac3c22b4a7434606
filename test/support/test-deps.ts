/**
 * What the rules get from outside, for tests: a database of the test's own and a clock it can turn.
 */

import { readConfig, type Config } from '../../packages/server/src/config.ts'
import type { Clock, Deps } from '../../packages/server/src/deps.ts'
import { createLog } from '../../packages/server/src/ops/log.ts'
import { createMetrics } from '../../packages/server/src/ops/metrics.ts'
import { createReadiness } from '../../packages/server/src/ops/readiness-checks.ts'
import { generateKeyring } from '../../packages/server/src/vault/keyring.ts'
import { createTestDatabase } from './test-database.ts'

/**
 * Stands still until it is turned. Starts now: tokens of an issuer have the time of the machine.
 */
class TestClock implements Clock {
  #now = new Date()

  now(): Date {
    return new Date(this.#now)
  }

  advance(seconds: number): void {
    this.#now = new Date(this.#now.getTime() + seconds * 1000)
  }
}

export interface TestDeps extends Deps, AsyncDisposable {
  readonly clock: TestClock
  readonly databaseUrl: string
}

/** The default configuration with the given changes, new keys, and a new database. */
export async function createTestDeps(config: Partial<Config> = {}): Promise<TestDeps> {
  const database = await createTestDatabase()
  const keyring = generateKeyring()
  return {
    config: { ...readConfig({}).config, origin: 'https://keydesk.example', ...config },
    db: database.db,
    databaseUrl: database.url,
    clock: new TestClock(),
    keyring,
    log: createLog({ level: 'silent', format: 'json' }),
    metrics: createMetrics(),
    readiness: createReadiness(database.db, keyring),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}
