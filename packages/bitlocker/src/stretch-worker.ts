/**
 * The code of the thread that stretches: one job after the other, as they come. Invariants: between
 * jobs the thread holds no secret; `stretchWorker` uses nothing but its parameters and globals,
 * because the thread is started from the text of this one function: it then has no file to find, to
 * strip of types and to load, and the time until it works is part of every first unlocking
 * (docs/adr/0003-password-stretching.md).
 */
import type { hash } from 'node:crypto'
import type { MessagePort } from 'node:worker_threads'

import type { StretchInstance, WebAssemblyApi } from './stretch-webassembly.ts'

/** To the thread. */
export interface WorkerJob {
  /** Comes back with every message about this job. */
  readonly id: number
  /** The WebAssembly.Module of stretch-module.ts; undefined: use OpenSSL. */
  readonly module: object | undefined
  /** The module's memory image, or the 88-byte state of the format. Secret; the thread wipes it. */
  readonly state: Uint8Array<ArrayBuffer>
  readonly rounds: number
}

/**
 * From the thread: some 64 times progress (0 < fraction <= 1), then the first 32 bytes of the
 * state.
 */
export type WorkerMessage =
  | { readonly id: number; readonly progress: number }
  | { readonly id: number; readonly result: Uint8Array<ArrayBuffer> }

declare const WebAssembly: WebAssemblyApi

/** A script for `new Worker(…, { eval: true })`. */
export function workerScript(): string {
  return `(${stretchWorker.toString()})(require('node:worker_threads').parentPort, require('node:crypto').hash)`
}

function stretchWorker(port: MessagePort, hashOnce: typeof hash): void {
  const PROGRESS_STEPS = 64
  // V8 puts fast WebAssembly code in place between calls, never within one, so a call does few
  // rounds.
  const ROUNDS_PER_CALL = 256
  let instance: StretchInstance | undefined

  port.on('message', ({ id, module, state, rounds }: WorkerJob) => {
    const slice = ROUNDS_PER_CALL * Math.ceil(rounds / PROGRESS_STEPS / ROUNDS_PER_CALL)
    const onProgress = (done: number) => {
      if (done % slice === 0 || done === rounds) {
        port.postMessage({ id, progress: done / rounds })
      }
    }
    const result =
      module === undefined
        ? runOpenSsl(state, rounds, onProgress)
        : runModule(module, state, rounds, onProgress)
    state.fill(0)
    port.postMessage({ id, result }, [result.buffer])
  })

  function runModule(
    module: object,
    state: Uint8Array,
    rounds: number,
    onProgress: (done: number) => void,
  ): Uint8Array<ArrayBuffer> {
    // One for all jobs: there is only one module, and each memory reserves gigabytes of addresses.
    instance ??= new WebAssembly.Instance(module)
    const { exports } = instance
    const memory = new Uint8Array(exports.memory.buffer)
    memory.set(state)
    for (let done = 0; done < rounds;) {
      const count = Math.min(ROUNDS_PER_CALL, rounds - done)
      exports.run(count)
      done += count
      onProgress(done)
    }
    const result = memory.slice(0, 32)
    memory.fill(0)
    return result
  }

  /** One call a round, most of it spent getting in and out. */
  function runOpenSsl(
    state: Uint8Array<ArrayBuffer>,
    rounds: number,
    onProgress: (done: number) => void,
  ): Uint8Array<ArrayBuffer> {
    const view = new DataView(state.buffer, state.byteOffset, state.byteLength)
    for (let done = 0; done < rounds;) {
      // A binary result is a string of one-byte characters, several times cheaper than a Buffer for
      // each round.
      const digest = hashOnce('sha256', state, 'binary')
      for (let at = 0; at < 32; at++) state[at] = digest.charCodeAt(at)
      done += 1
      view.setUint32(80, done, true)
      onProgress(done)
    }
    return state.slice(0, 32)
  }
}
