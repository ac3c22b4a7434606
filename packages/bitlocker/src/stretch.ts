/**
 * The BitLocker password stretch: 2^20 SHA-256 rounds over an 88-byte state, on a thread of its own.
 * Source of truth: BitLocker format reference §6.2; known answers in §6.3. How it was made fast: docs/adr/0003.
 */

import { Worker } from 'node:worker_threads'

const STRETCH_ROUNDS = 0x100000

/** What the worker is told. `rounds` is always 2^20 outside tests. */
export interface StretchJob {
  readonly initial: Uint8Array
  readonly salt: Uint8Array
  readonly rounds: number
}

export interface StretchOptions {
  /** Stops the work at once; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Called with 0 < fraction <= 1, rising, at most some 64 times. */
  readonly onProgress?: ((fraction: number) => void) | undefined
}

/**
 * Stretches a 32-byte initial hash with the protector's 16-byte salt to the 32-byte key that unwraps the VMK.
 * Takes about half a second of one core; the event loop stays free. The caller owns and wipes input and result.
 */
export function stretch(
  initial: Uint8Array,
  salt: Uint8Array,
  options: StretchOptions = {},
): Promise<Uint8Array> {
  return runStretch({ initial, salt, rounds: STRETCH_ROUNDS }, options)
}

/** The same with a chosen number of rounds, for known-answer tests. */
export async function runStretch(job: StretchJob, options: StretchOptions): Promise<Uint8Array> {
  const { signal, onProgress } = options
  if (job.initial.length !== 32) throw new RangeError('initial must be 32 bytes')
  if (job.salt.length !== 16) throw new RangeError('salt must be 16 bytes')
  signal?.throwIfAborted()
  const worker = new Worker(new URL('./stretch-worker.ts', import.meta.url), {
    workerData: job,
    env: {},
    execArgv: [],
  })
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  const abort = () => reject(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  worker.on('message', (message: number | Uint8Array) => {
    if (typeof message === 'number') onProgress?.(message)
    else resolve(message)
  })
  worker.on('error', reject)
  worker.on('exit', () => reject(new Error('the stretch thread ended without a result')))
  try {
    return await promise
  } finally {
    signal?.removeEventListener('abort', abort)
    await worker.terminate()
  }
}
