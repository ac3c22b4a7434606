/**
 * What has to hold before this server may be given work: named checks, each registered by the part
 * that it is about.
 */

/** True when the part works. A check that throws or takes too long has failed. */
export type ReadinessCheck = () => boolean | Promise<boolean>

/** A monitor asks every few seconds and gives up soon. */
const CHECK_TIMEOUT_MS = 2000

export class Readiness {
  readonly #checks = new Map<string, ReadinessCheck>()

  register(name: string, check: ReadinessCheck): void {
    this.#checks.set(name, check)
  }

  /** Runs every check, all at once. Never throws. */
  async check(): Promise<Readonly<Record<string, boolean>>> {
    const results = await Promise.all(
      [...this.#checks].map(async ([name, check]) => [name, await passes(check)] as const),
    )
    return Object.fromEntries(results)
  }
}

async function passes(check: ReadinessCheck): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<boolean>((settle) => {
    timer = setTimeout(() => settle(false), CHECK_TIMEOUT_MS)
  })
  try {
    return await Promise.race([check(), timeout])
  } catch {
    // Whatever it was, the part does not work now; the requests that need it log the reason.
    return false
  } finally {
    clearTimeout(timer)
  }
}
