/**
 * How the process ends: in order, once, and never because of a forgotten handle.
 *
 * First SIGTERM or SIGINT: no new work, what was begun is finished and answered, then the database
 * is closed, exit 0. Work that outlasts the grace time is cut off, exit 1. A second signal ends at
 * once: the next start copes with that as with any crash. An error that nobody caught ends the
 * process too, since nothing is known of its state then.
 */

import type { Logger } from 'pino'

export interface GracefulStopOptions {
  readonly log: Logger
  readonly graceSeconds: number
  /** Ends the process. Tests hand in their own. */
  readonly exit: (code: number) => void
}

/** A step of the stop. Steps run one after the other, the last one added first. */
interface Step {
  readonly name: string
  readonly run: StopStep
}

/** Ends one part. From `cutOff` on it must not wait for work in flight any longer. */
export type StopStep = (cutOff: AbortSignal) => Promise<void>

/** After the grace time, PostgreSQL still gets this long to end in order. */
const CUT_OFF_SECONDS = 10

/** One Ctrl-C can arrive twice: from the terminal, and forwarded by a parent such as npm. */
const ECHO_MS = 1000

export class GracefulStop {
  readonly #options: GracefulStopOptions
  readonly #steps: Step[] = []
  #stopping: Promise<void> | undefined

  constructor(options: GracefulStopOptions) {
    this.#options = options
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined
  }

  /** What was opened last is closed first. */
  add(name: string, run: StopStep): void {
    this.#steps.push({ name, run })
  }

  listen(process: NodeJS.Process): void {
    let firstAt: number | undefined
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        firstAt ??= performance.now()
        if (this.isStopping) {
          if (performance.now() - firstAt < ECHO_MS) return
          this.#options.log.warn({ signal }, 'second signal; stopping at once')
          this.#options.exit(1)
          return
        }
        this.#options.log.info({ signal }, 'stopping')
        void this.stop(0)
      })
    }
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(event, (error: unknown) => {
        this.#options.log.fatal({ err: error }, 'an error that nobody caught; stopping')
        void this.stop(1)
      })
    }
  }

  /** Runs the steps and ends the process with the code, or with 1 if something was cut off. */
  stop(code: number): Promise<void> {
    this.#stopping ??= this.#run(code)
    return this.#stopping
  }

  async #run(code: number): Promise<void> {
    const { log, graceSeconds, exit } = this.#options
    const cutOff = new AbortController()
    const grace = setTimeout(() => {
      log.warn({ graceSeconds }, 'the grace time is over; cutting off what is still in flight')
      cutOff.abort()
    }, graceSeconds * 1000)
    const giveUp = setTimeout(
      () => {
        log.error('the stop itself does not end; leaving')
        exit(1)
      },
      (graceSeconds + CUT_OFF_SECONDS) * 1000,
    )
    let failed = false
    for (const step of this.#steps.toReversed()) {
      try {
        await step.run(cutOff.signal)
      } catch (error) {
        failed = true
        log.error({ err: error, step: step.name }, 'a step of the stop failed')
      }
    }
    clearTimeout(grace)
    clearTimeout(giveUp)
    log.info('stopped')
    exit(cutOff.signal.aborted || failed ? 1 : code)
  }
}

/** Settles with the promise, or without it at the cut-off. */
export async function untilCutOff(work: Promise<void>, cutOff: AbortSignal): Promise<void> {
  const cut = new Promise<void>((settle) => {
    if (cutOff.aborted) settle()
    cutOff.addEventListener('abort', () => settle(), { once: true })
  })
  await Promise.race([work, cut])
}
