/**
 * One thread that stretches, and the few that are kept or waited for. Invariants: at most
 * MAX_STRETCH_THREADS work at a time, the rest wait in order; a cancelled job's thread is ended, so
 * the work really stops; an idle thread does not keep the process alive.
 */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'

import { stretchEngine } from './stretch-engine.ts'
import type { StretchEngine } from './stretch-engine.ts'
import { workerScript } from './stretch-worker.ts'
import type { WorkerJob, WorkerMessage } from './stretch-worker.ts'

/** More would only take turns on the processors, and each costs some 5 MB. */
const MAX_STRETCH_THREADS = availableParallelism()

/** Starting a thread costs about a tenth of a stretch, so one stays for the next. */
const MAX_IDLE_THREADS = 1

/** `rounds` is 2^20 outside tests; the WebAssembly engine takes multiples of 4. */
export interface StretchJob {
  readonly initial: Uint8Array
  readonly salt: Uint8Array
  readonly rounds: number
  /** The fastest by default. */
  readonly engine?: StretchEngine | undefined
}

export interface StretchOptions {
  /** Stops the work at once; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Called with 0 < fraction <= 1, rising, some 64 times. */
  readonly onProgress?: ((fraction: number) => void) | undefined
}

/** Of a warm-up, whose answer nobody waits for. */
const NO_JOB = 0

const idle: Worker[] = []
const waiting: (() => void)[] = []
let working = 0
let lastJob = NO_JOB

/** Rounds of a job without a secret that has V8 start its optimising compiler. */
const WARM_UP_ROUNDS = 256

/**
 * Starts a thread in advance, for a program that knows it will soon stretch: starting it and
 * compiling take about a tenth of a stretch. Does nothing when one is idle already.
 */
export function startStretchThread(): void {
  if (idle.length >= MAX_IDLE_THREADS) return
  const worker = startWorker()
  keep(worker)
  const engine = stretchEngine()
  const state = engine.encodeState(new Uint8Array(32), new Uint8Array(16))
  send(worker, { id: NO_JOB, module: engine.module, state, rounds: WARM_UP_ROUNDS })
}

/** Runs one job on a thread of its own. `initial` is copied; the caller wipes it. */
export async function runStretch(
  job: StretchJob,
  { signal, onProgress }: StretchOptions,
): Promise<Uint8Array> {
  signal?.throwIfAborted()
  await takeTurn(signal)
  try {
    signal?.throwIfAborted()
    const worker = idle.pop() ?? startWorker()
    worker.ref()
    const result = await runOn(worker, job, { signal, onProgress }).catch(
      async (error: unknown) => {
        await worker.terminate()
        throw error
      },
    )
    if (idle.length < MAX_IDLE_THREADS) keep(worker)
    else await worker.terminate()
    return result
  } finally {
    passTurn()
  }
}

async function takeTurn(signal: AbortSignal | undefined): Promise<void> {
  if (working < MAX_STRETCH_THREADS) {
    working += 1
    return
  }
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const leave = () => {
    const place = waiting.indexOf(resolve)
    if (place < 0) return
    waiting.splice(place, 1)
    reject(signal?.reason as Error)
  }
  waiting.push(resolve)
  signal?.addEventListener('abort', leave, { once: true })
  await promise.finally(() => signal?.removeEventListener('abort', leave))
}

/** The turn goes to the next in line, or comes back. */
function passTurn(): void {
  const next = waiting.shift()
  if (next === undefined) working -= 1
  else next()
}

async function runOn(
  worker: Worker,
  { initial, salt, rounds, engine = stretchEngine() }: StretchJob,
  { signal, onProgress }: StretchOptions,
): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  lastJob += 1
  const id = lastJob
  const onAbort = () => reject(signal?.reason as Error)
  const onExit = () => reject(new Error('The stretch thread ended without a result'))
  const onMessage = (message: WorkerMessage) => {
    if (message.id !== id) return
    if ('result' in message) resolve(engine.decodeResult(message.result))
    else if (signal?.aborted !== true) onProgress?.(message.progress)
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  worker.on('message', onMessage).on('error', reject).on('exit', onExit)
  const state = engine.encodeState(initial, salt)
  send(worker, { id, module: engine.module, state, rounds })
  try {
    return await promise
  } finally {
    signal?.removeEventListener('abort', onAbort)
    worker.off('message', onMessage).off('error', reject).off('exit', onExit)
  }
}

/** Gives the state away: the thread wipes it. */
function send(worker: Worker, job: WorkerJob): void {
  worker.postMessage(job, [job.state.buffer])
}

function startWorker(): Worker {
  // No environment and no options of ours: the thread needs none, and a debugger's or test runner's
  // would slow it.
  const worker = new Worker(workerScript(), { eval: true, env: {}, execArgv: [] })
  // While idle nobody else listens; an idle thread that fails is only forgotten, and the next job
  // starts another.
  worker.on('error', () => undefined)
  worker.on('exit', () => {
    const place = idle.indexOf(worker)
    if (place >= 0) idle.splice(place, 1)
  })
  return worker
}

function keep(worker: Worker): void {
  worker.unref()
  idle.push(worker)
}
