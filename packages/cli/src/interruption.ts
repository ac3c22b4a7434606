/**
 * Ctrl-C and its like, as an AbortSignal. Invariant: after the first call a signal never ends the
 * process by itself, so that whatever is being written is completed; any number of signals is one.
 */
import { CommandError } from './command-error.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

let controller: AbortController | undefined
let received: NodeJS.Signals | undefined

/** Aborted, with a CommandError as its reason, by the first SIGINT, SIGTERM or SIGHUP. */
export function interruption(): AbortSignal {
  if (controller) return controller.signal
  const created = new AbortController()
  for (const name of SIGNALS) {
    process.on(name, () => {
      received ??= name
      created.abort(new CommandError('INTERRUPTED', 'Interrupted'))
    })
  }
  controller = created
  return created.signal
}

/** Settles with `work`, or rejects with the signal's reason; `work` itself may go on unobserved. */
export async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/**
 * Ends the process by the signal it received, so that a shell or a supervisor sees what happened.
 * That also ends a read that hangs in the thread pool, for which `process.exit` would wait.
 */
export function dieIfInterrupted(): void {
  if (received === undefined) return
  process.removeAllListeners(received)
  process.kill(process.pid, received)
}
