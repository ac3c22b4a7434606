/**
 * One thread that stretches, and the few that are kept or waited for. Invariants: at most MAX_STRETCH_THREADS work at a
 * time, the rest wait in order; a cancelled job's thread is ended, so the work really stops; an idle thread does not
 * keep the process alive.
 */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'

/** More would only take turns on the processors, and each costs some 5 MB. */
const MAX_STRETCH_THREADS = Math.max(1, availableParallelism())

/** Starting a thread costs about a tenth of a stretch, so one stays for the next. */
const MAX_IDLE_THREADS = 1

/** What a thread is told. `rounds` is 2^20 outside tests, and a multiple of 4. */
export interface StretchJob {
  readonly initial: Uint8Array
  readonly salt: Uint8Array
  readonly rounds: number
}

export interface StretchOptions {
  /** Stops the work at once; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Called with 0 < fraction <= 1, rising, some 64 times. */
  readonly onProgress?: ((fraction: number) => void) | undefined
}

const idle: Worker[] = []
const waiting: (() => void)[] = []
let working = 0

/** Starts a thread in advance, for a program that knows it will soon stretch. Does nothing when one is idle. */
export function startStretchThread(): void {
  if (idle.length < MAX_IDLE_THREADS) keep(startWorker())
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
  { initial, salt, rounds }: StretchJob,
  { signal, onProgress }: StretchOptions,
): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  const onAbort = () => reject(signal?.reason as Error)
  const onExit = () => reject(new Error('The stretch thread ended without a result'))
  const onMessage = (message: number | Uint8Array) => {
    if (typeof message !== 'number') resolve(message)
    else if (signal?.aborted !== true) onProgress?.(message)
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  worker.on('message', onMessage).on('error', reject).on('exit', onExit)
  const copy = Uint8Array.from(initial)
  worker.postMessage({ initial: copy, salt: Uint8Array.from(salt), rounds }, [copy.buffer])
  try {
    return await promise
  } finally {
    signal?.removeEventListener('abort', onAbort)
    worker.off('message', onMessage).off('error', reject).off('exit', onExit)
  }
}

function startWorker(): Worker {
  // No environment and no options of ours: the thread needs none, and a debugger's or test runner's would slow it.
  const worker = new Worker(new URL('./stretch-worker.ts', import.meta.url), {
    env: {},
    execArgv: [],
  })
  // While idle nobody else listens; an idle thread that fails is only forgotten, and the next job starts another.
  worker.on('error', () => undefined)
  return worker
}

function keep(worker: Worker): void {
  worker.unref()
  idle.push(worker)
  const forget = () => {
    const index = idle.indexOf(worker)
    if (index >= 0) idle.splice(index, 1)
  }
  worker.once('exit', forget)
}
