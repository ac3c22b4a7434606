/**
 * The thread that stretches: one job after the other, as they come. Source of truth for the jobs: stretch-thread.ts.
 * Invariant: between jobs the thread holds no secret.
 */
import { parentPort } from 'node:worker_threads'

import { createStretchEngine } from './stretch-engine.ts'
import type { StretchJob } from './stretch-thread.ts'

/** Progress messages of one job: enough for a smooth bar. */
const PROGRESS_STEPS = 64

const engine = createStretchEngine()
const port = parentPort
if (port === null) throw new Error('this file is the code of a thread')

port.on('message', ({ initial, salt, rounds }: StretchJob) => {
  engine.start(initial, salt)
  initial.fill(0)
  const step = 4 * Math.ceil(rounds / PROGRESS_STEPS / 4)
  for (let done = 0; done < rounds;) {
    const count = Math.min(step, rounds - done)
    engine.run(count)
    done += count
    port.postMessage(done / rounds, [])
  }
  const result = engine.result()
  engine.wipe()
  port.postMessage(result, [result.buffer])
})

// The first calls start the optimising compiler, which works on while the first job is still being prepared.
engine.start(new Uint8Array(32), new Uint8Array(16))
engine.run(1024)
engine.wipe()
