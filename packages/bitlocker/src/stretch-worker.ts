/**
 * The thread that runs the stretch. It does one stretch and ends.
 * Source of truth: BitLocker format reference §6.2. Messages out: a progress fraction (number), then the 32-byte result.
 */

import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import type { StretchJob } from './stretch.ts'

const PROGRESS_STEPS = 64

const job = workerData as StretchJob
const state = Buffer.alloc(88)
state.set(job.initial, 32)
state.set(job.salt, 64)
const step = Math.ceil(job.rounds / PROGRESS_STEPS)
for (let count = 0; count < job.rounds;) {
  const end = Math.min(count + step, job.rounds)
  while (count < end) {
    // A binary (latin1) result is a one-byte string: no Buffer is allocated per round.
    state.write(hash('sha256', state, 'binary'), 0, 'binary')
    count += 1
    state.writeUInt32LE(count, 80)
  }
  parentPort?.postMessage(count / job.rounds, [])
}
const result = Uint8Array.from(state.subarray(0, 32))
state.fill(0)
job.initial.fill(0)
parentPort?.postMessage(result, [result.buffer])
