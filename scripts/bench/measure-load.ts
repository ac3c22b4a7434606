/** Runs a fixed number of operations at a concurrency and says how fast they were. */

export interface LoadFigures {
  readonly concurrency: number
  readonly operations: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/**
 * `operate(worker, index)` is called for every index from 0, each worker doing one at a time. The
 * first failure ends the measurement: a figure with errors in it says nothing.
 */
export async function measureLoad(
  concurrency: number,
  operations: number,
  operate: (worker: number, index: number) => Promise<void>,
): Promise<LoadFigures> {
  const latencies = new Float64Array(operations)
  let next = 0
  const work = async (worker: number): Promise<void> => {
    for (let index = next++; index < operations; index = next++) {
      const started = performance.now()
      await operate(worker, index)
      latencies[index] = performance.now() - started
    }
  }
  const started = performance.now()
  await Promise.all(Array.from({ length: concurrency }, (_, worker) => work(worker)))
  const seconds = (performance.now() - started) / 1000
  latencies.sort()
  const quantile = (q: number): number => latencies[Math.floor((operations - 1) * q)] ?? Number.NaN
  return {
    concurrency,
    operations,
    perSecond: operations / seconds,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  }
}
