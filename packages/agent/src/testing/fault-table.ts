/**
 * The fault table: a scenario is first run undisturbed and its calls are recorded; then it is run
 * once for every fault of every call. After each call the promises P1 and P2 must hold on the disk,
 * and the following rounds must reach the end by themselves.
 */
import type { Agent } from '../agent.ts'
import { AgentError } from '../errors.ts'
import { runRound } from '../run-round.ts'
import { FaultInjector, faultsOf, ProcessDeath } from './fault-injector.ts'
import type { Fault } from './fault-injector.ts'

/** One PC at the start of the scenario. */
export interface FaultBench extends AsyncDisposable {
  /** A new process. */
  open(injector: FaultInjector): Promise<Agent>
  /**
   * Throws when P1 or P2 is broken at this instant. `call` is the one that just ended; without it
   * the check is as thorough as it can be.
   */
  checkPromises(call?: string): Promise<void>
  /** Throws when the disk, the state and the service are not as the scenario must leave them. */
  checkEnd(): Promise<void>
}

/** More rounds than this and it did not "recover by itself". */
const RECOVERY_ROUNDS = 3

/** The calls of an undisturbed run, which must reach the end in one round. */
async function recordCalls(setUp: () => Promise<FaultBench>): Promise<string[]> {
  await using bench = await setUp()
  const injector = new FaultInjector(undefined, (call) => bench.checkPromises(call))
  await runRound(await bench.open(injector))
  await bench.checkEnd()
  return injector.calls
}

async function runWithFault(setUp: () => Promise<FaultBench>, fault: Fault): Promise<void> {
  await using bench = await setUp()
  const injector = new FaultInjector(fault, (call) => bench.checkPromises(call))
  let agent = await openOrFail(bench, injector)
  agent = await roundOrDeath(agent)
  // The agent may have taken the end of its process for an error of the network, say.
  if (injector.isDead) agent = undefined
  if (!injector.hasFired) throw new Error('the fault was not reached: the run is not repeatable')
  await bench.checkPromises()
  for (let round = 1; ; round++) {
    agent ??= await bench.open(new FaultInjector(undefined, (call) => bench.checkPromises(call)))
    await runRound(agent)
    await bench.checkPromises()
    try {
      return await bench.checkEnd()
    } catch (error) {
      if (round === RECOVERY_ROUNDS) throw error
    }
  }
}

/** Every row, a few at a time; throws one error that names each row that failed. */
export async function runFaultTable(
  setUp: () => Promise<FaultBench>,
  options: { readonly choose?: (fault: Fault, call: string) => boolean; readonly atOnce?: number },
): Promise<{ readonly rows: number; readonly calls: readonly string[] }> {
  const { choose = () => true, atOnce = 1 } = options
  const calls = await recordCalls(setUp)
  const faults = faultsOf(calls).filter((fault) => choose(fault, calls[fault.index] ?? ''))
  const failures: Error[] = []
  const queue = faults.values()
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const fault of queue) {
        await runWithFault(setUp, fault).catch((error: unknown) => {
          failures.push(new Error(rowName(fault, calls), { cause: error }))
        })
      }
    }),
  )
  if (failures.length > 0) throw new AggregateError(failures, describe(failures))
  return { rows: faults.length, calls }
}

function rowName({ index, mode, death }: Fault, calls: readonly string[]): string {
  return `call ${index} (${calls[index] ?? ''}) ${mode}${death ? ', and the process ends' : ''}`
}

function describe(failures: readonly Error[]): string {
  const lines = failures.map(({ message, cause }) => `${message}: ${String(cause)}`)
  return `${failures.length} rows failed:\n${lines.join('\n')}`
}

/** `undefined` when the process is over. */
async function openOrFail(bench: FaultBench, injector: FaultInjector): Promise<Agent | undefined> {
  try {
    return await bench.open(injector)
  } catch (error) {
    if (error instanceof ProcessDeath || error instanceof AgentError) return undefined
    throw error
  }
}

async function roundOrDeath(agent: Agent | undefined): Promise<Agent | undefined> {
  if (agent === undefined) return undefined
  try {
    await runRound(agent)
    return agent
  } catch (error) {
    if (error instanceof ProcessDeath) return undefined
    throw error
  }
}
