/**
 * `keydesk-agent run`: one round after the other until it is told to stop. The pauses carry jitter,
 * so that PCs that were switched on together do not report together for ever.
 */
import { AgentError, isTemporary } from './errors.ts'
import type { Agent } from './agent.ts'
import { backoffMs } from './backoff.ts'
import { AGENT_LIMITS } from './limits.ts'
import { runRound } from './run-round.ts'
import type { RoundReport } from './run-round.ts'

interface LoopOptions {
  readonly agent: Agent
  readonly random: () => number
  readonly signal: AbortSignal
}

/**
 * Returns when `signal` is aborted. Throws when the state file is unusable: a service manager
 * should see that. Everything else is tried again.
 */
export async function runLoop({ agent, random, signal }: LoopOptions): Promise<void> {
  let failures = 0
  while (!signal.aborted) {
    try {
      const report = await runRound(agent)
      if (report.error?.code === 'STATE_CORRUPT' || report.error?.code === 'STATE_MISSING') {
        throw report.error
      }
      failures = report.error === undefined ? 0 : failures + 1
      const { checkInIntervalSeconds } = await agent.state.current()
      const pause = pauseMs({ report, failures, checkInIntervalSeconds, random: random() })
      agent.say(`Next check-in in ${describePause(pause)}`)
      await agent.clock.sleep(pause, signal)
    } catch (error) {
      if (signal.aborted) return
      throw error
    }
  }
}

interface PauseInput {
  readonly report: RoundReport
  /** Failed rounds in a row. */
  readonly failures: number
  readonly checkInIntervalSeconds: number
  /** In [0, 1). */
  readonly random: number
}

/**
 * After a good round the interval ± 10 %. After a bad one a back-off that never exceeds the
 * interval by more than the service asked for; a refusal, which time does not cure, waits for the
 * interval.
 */
export function pauseMs({ report, failures, checkInIntervalSeconds, random }: PauseInput): number {
  const intervalMs = checkInIntervalSeconds * 1000
  const { error } = report
  if (error === undefined || !isTemporary(error)) {
    return Math.round(intervalMs * (0.9 + 0.2 * random))
  }
  const asked = error instanceof AgentError ? (error.retryAfterMs ?? 0) : 0
  const ceilingMs = Math.min(intervalMs, AGENT_LIMITS.loopPauseMs)
  return (
    asked +
    backoffMs({ attempt: failures, baseMs: 5 * AGENT_LIMITS.retryBaseMs, ceilingMs, random })
  )
}

function describePause(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`
}
