/**
 * Measures an HTTP operation and the commit floor in turns at each concurrency, and prints both and
 * their ratio. The floor runs before and after, since a machine's speed drifts.
 */
import { measureCommitFloor } from './commit-floor.ts'
import { HttpConnection } from './http-connection.ts'
import { measureLoad, type LoadFigures } from './measure-load.ts'

export interface FloorComparison {
  readonly name: string
  readonly port: number
  readonly databaseUrl: string
  /** The requests of each concurrency, made just before they are sent. */
  requests(count: number): Promise<readonly Uint8Array[]>
}

/** How many operations at each concurrency: a few seconds' worth. */
const PLAN = [
  { concurrency: 1, operations: 1000 },
  { concurrency: 16, operations: 4000 },
  { concurrency: 64, operations: 4000 },
] as const
const WARM_UP = 300
const SUCCESS = new Set([200, 201])

export async function compareWithFloor(comparison: FloorComparison): Promise<void> {
  const { name, databaseUrl } = comparison
  await send(comparison, 16, await comparison.requests(WARM_UP))
  await measureCommitFloor(databaseUrl, 16, WARM_UP)
  const rows: { figures: LoadFigures; floorPerSecond: number; ratio: number }[] = []
  for (const { concurrency, operations } of PLAN) {
    const requests = await comparison.requests(operations)
    const before = await measureCommitFloor(databaseUrl, concurrency, operations / 2)
    const figures = await send(comparison, concurrency, requests)
    const after = await measureCommitFloor(databaseUrl, concurrency, operations / 2)
    const floorPerSecond = 2 / (1 / before.perSecond + 1 / after.perSecond)
    rows.push({ figures, floorPerSecond, ratio: figures.perSecond / floorPerSecond })
  }
  console.log(`\n${name}, against single-row durable commits through pg in the same run\n`)
  console.table(
    rows.map(({ figures, floorPerSecond, ratio }) => ({
      concurrency: figures.concurrency,
      [`${name}/s`]: Math.round(figures.perSecond),
      'p50 ms': Number(figures.p50Ms.toFixed(2)),
      'p99 ms': Number(figures.p99Ms.toFixed(2)),
      'floor/s': Math.round(floorPerSecond),
      ratio: Number(ratio.toFixed(2)),
    })),
  )
  if (process.argv.includes('--json')) {
    console.log(
      JSON.stringify(
        Object.fromEntries(
          rows.map(({ figures, floorPerSecond, ratio }) => [
            `concurrency${figures.concurrency}`,
            { ...figures, floorPerSecond, ratio },
          ]),
        ),
      ),
    )
  }
}

async function send(
  { port }: FloorComparison,
  concurrency: number,
  requests: readonly Uint8Array[],
): Promise<LoadFigures> {
  const connections = await Promise.all(
    Array.from({ length: concurrency }, () => HttpConnection.open(port)),
  )
  try {
    return await measureLoad(concurrency, requests.length, async (worker, index) => {
      const request = requests[index]
      const connection = connections[worker]
      if (request === undefined || connection === undefined) throw new RangeError('out of requests')
      const { status, body } = await connection.send(request)
      if (!SUCCESS.has(status)) throw new Error(`the service answered ${status}: ${body}`)
    })
  } finally {
    for (const connection of connections) connection.close()
  }
}
