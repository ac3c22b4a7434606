/**
 * What Prometheus scrapes at `/metrics`.
 *
 * Labels come from closed sets (route pattern, method, status, outcome): never a device, a user, a
 * key or a raw URL, so the number of series is bounded and nothing personal leaves this way.
 */

import { Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

export interface Metrics {
  readonly registry: Registry
  readonly httpRequestSeconds: Histogram<'method' | 'route' | 'status'>
  /** outcome: `created`, `repeated`, `conflict`, `refused`. */
  readonly escrows: Counter<'outcome'>
  /** outcome: `shown`, `refused`, `failed`. */
  readonly disclosures: Counter<'outcome'>
  /** kind: `budget` (somebody used one up), `emergency` (shown without approval). */
  readonly disclosureAlerts: Counter<'kind'>
  readonly passwordHashes: Counter
}

/** Latency buckets in seconds: a look-up takes a few milliseconds, a commit on a slow disk 100. */
const REQUEST_SECONDS_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** A registry of its own per server, so that two in one process (tests) do not add up. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'keydesk_' })
  return {
    registry,
    httpRequestSeconds: new Histogram({
      name: 'keydesk_http_request_duration_seconds',
      help: 'Time from the first byte of a request to the end of its answer.',
      labelNames: ['method', 'route', 'status'],
      buckets: REQUEST_SECONDS_BUCKETS,
      registers: [registry],
    }),
    escrows: new Counter({
      name: 'keydesk_escrows_total',
      help: 'Recovery keys handed over by devices, by outcome.',
      labelNames: ['outcome'],
      registers: [registry],
    }),
    disclosures: new Counter({
      name: 'keydesk_disclosures_total',
      help: 'Requests to show a recovery password, by outcome.',
      labelNames: ['outcome'],
      registers: [registry],
    }),
    disclosureAlerts: new Counter({
      name: 'keydesk_disclosure_alerts_total',
      help: 'Used-up disclosure budgets and disclosures in an emergency: somebody should look.',
      labelNames: ['kind'],
      registers: [registry],
    }),
    passwordHashes: new Counter({
      name: 'keydesk_password_hashes_total',
      help: 'Computed argon2id hashes, also those for users that do not exist.',
      registers: [registry],
    }),
  }
}
