/**
 * What a server does besides answering: gives audit entries their indexes, proves keys, forgets
 * expired requests. Every server may do all of it: the sequencer has a lock, proofs are claimed,
 * and forgetting twice is harmless.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { sequenceAudit } from './audit/sequence-audit.ts'
import type { Deps } from './deps.ts'
import { deleteExpiredRequests } from './devices/request-queries.ts'
import { proveNextKey } from './escrow/prove-next-key.ts'
import { keepSigningKeys } from './issuer/signing-keys.ts'
import { forgetExpiredState } from './issuer/forget-expired-state.ts'
import { sweepSignIns } from './sessions/sweep-sign-ins.ts'

export interface BackgroundWork {
  /** Ends what is under way; what was begun and not finished is taken up by the next server. */
  stop(): Promise<void>
}

/** An entry is readable through the API at most this long after its commit. */
const SEQUENCE_INTERVAL_MS = 200
const PROOF_INTERVAL_MS = 1000
const FORGET_INTERVAL_MS = 30_000
const ISSUER_INTERVAL_MS = 10 * 60_000
/** After a failure, so that a database that is away is not asked all the time. */
const FAILURE_PAUSE_MS = 2000

export function startBackgroundWork(deps: Deps): BackgroundWork {
  const stopping = new AbortController()
  const { signal } = stopping
  const loops = [
    repeat('audit sequencer', SEQUENCE_INTERVAL_MS, async () => void (await sequenceAudit(deps))),
    repeat('key proofs', PROOF_INTERVAL_MS, async () => {
      // One at a time: each takes a processor for a second, and requests come first.
      while (!signal.aborted && (await proveNextKey(deps, signal)));
    }),
    repeat('expired requests', FORGET_INTERVAL_MS, async () => {
      await deleteExpiredRequests(deps.db, deps.clock.now())
    }),
    repeat('issuer keys', ISSUER_INTERVAL_MS, async () => await keepSigningKeys(deps)),
    repeat('issuer state', ISSUER_INTERVAL_MS, async () => await forgetExpiredState(deps)),
    repeat('expired sessions', FORGET_INTERVAL_MS, async () => await sweepSignIns(deps)),
  ]

  async function repeat(name: string, intervalMs: number, work: () => Promise<void>) {
    while (!signal.aborted) {
      let pauseMs = intervalMs
      try {
        await work()
      } catch (error) {
        if (signal.aborted) return
        deps.log.warn({ err: error, work: name }, 'background work failed; it goes on later')
        pauseMs = FAILURE_PAUSE_MS
      }
      // Rejects only because of the stop.
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }

  return {
    stop: async () => {
      stopping.abort()
      await Promise.all(loops)
    },
  }
}
