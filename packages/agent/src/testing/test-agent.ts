/** An enrolled agent in one process with a service that is made from the contract. */
import type { Agent } from '../agent.ts'
import type { Clock } from '../clock.ts'
import { enroll } from '../enroll.ts'
import { openAgent } from '../open-agent.ts'
import type { ClientDeps } from '../service-client.ts'
import { decodeState } from '../state-file.ts'
import type { StateStorage } from '../state-file.ts'
import type { AgentState } from '../agent-state.ts'
import type { VolumeProvider } from '../volume-provider.ts'
import { runRound } from '../run-round.ts'
import { ContractService } from './contract-service.ts'
import { FaultInjector } from './fault-injector.ts'
import { MemoryPc } from './memory-pc.ts'
import type { MemoryVolume } from './memory-pc.ts'

export const TEST_TOKEN = 'keydesk_enroll_test'

/** Turns by itself while somebody sleeps; remembers for how long. */
export class TestClock implements Clock {
  time: number
  readonly sleeps: number[] = []

  constructor(time: number) {
    this.time = time
  }

  now(): number {
    return this.time
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    this.sleeps.push(ms)
    this.time += ms
    return Promise.resolve()
  }
}

/** A state file without a disk: the real one is durable, and that takes its time. */
export class MemoryStorage implements StateStorage {
  readonly path = 'agent.state'
  bytes: Uint8Array | undefined

  read(): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.bytes)
  }

  write(bytes: Uint8Array): Promise<void> {
    this.bytes = bytes
    return Promise.resolve()
  }
}

export class TestBench {
  readonly service = new ContractService()
  readonly clock = new TestClock(this.service.now)
  readonly lines: string[] = []
  readonly provider: VolumeProvider
  readonly storage = new MemoryStorage()
  /** Answers instead of the service while it returns something. */
  intercept: (path: string) => Promise<Response> | undefined = () => undefined

  constructor(provider: VolumeProvider) {
    this.provider = provider
  }

  /** An enrolled PC. */
  static async enrolled(provider: VolumeProvider): Promise<TestBench> {
    const bench = new TestBench(provider)
    await bench.enroll()
    return bench
  }

  readonly deps: ClientDeps = {
    clock: this.clock,
    random: () => 0.5,
    fetch: (url, init) => this.intercept(new URL(url).pathname) ?? this.service.fetch(url, init),
  }

  enroll(injector?: FaultInjector) {
    return enroll({
      deps: injector?.deps(this.deps) ?? this.deps,
      storage: injector?.storage(this.storage) ?? this.storage,
      provider: injector?.disk(this.provider) ?? this.provider,
      directory: 'pc',
      server: this.service.origin,
      proof: () => Promise.resolve({ enrollmentToken: TEST_TOKEN }),
    })
  }

  /** A new process: everything that it knows comes from the state file. */
  open(injector?: FaultInjector): Promise<Agent> {
    return openAgent({
      deps: injector?.deps(this.deps) ?? this.deps,
      storage: injector?.storage(this.storage) ?? this.storage,
      provider: () => injector?.disk(this.provider) ?? this.provider,
      say: (line) => this.lines.push(line),
    })
  }

  /** What is on disk. */
  async state(): Promise<AgentState> {
    const bytes = await this.storage.read()
    if (bytes === undefined) throw new Error('no state file')
    return decodeState(bytes, this.storage.path)
  }
}

/** An enrolled PC with these volumes, and its agent. */
export async function setUp(
  ...volumes: MemoryVolume[]
): Promise<{ bench: TestBench; agent: Agent }> {
  const bench = await TestBench.enrolled(new MemoryPc(...volumes))
  return { bench, agent: await bench.open() }
}

/** A connection that is refused. */
export function unreachable(): Promise<never> {
  return Promise.reject(new TypeError('fetch failed'))
}

/** The names of the calls that one round of a new process makes. */
export async function callsOfRound(bench: TestBench): Promise<string[]> {
  const recorder = new FaultInjector()
  await runRound(await bench.open(recorder))
  return recorder.calls
}
