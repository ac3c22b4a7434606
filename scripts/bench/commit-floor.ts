/**
 * The floor that a durable service is compared with: single-row commits straight through `pg`, on
 * the same cluster, in the same run, at the same concurrency.
 */
import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { measureLoad, type LoadFigures } from './measure-load.ts'

/** About as long as what an escrow stores of a key. */
const ROW_BYTES = 130

export async function measureCommitFloor(
  databaseUrl: string,
  concurrency: number,
  operations: number,
): Promise<LoadFigures> {
  const clients = await Promise.all(
    Array.from({ length: concurrency }, async () => {
      const client = new Client({ connectionString: databaseUrl })
      await client.connect()
      return client
    }),
  )
  try {
    await clients[0]?.query(
      'create table if not exists bench_floor (id bigint generated always as identity, row bytea)',
    )
    const row = randomBytes(ROW_BYTES)
    return await measureLoad(concurrency, operations, async (worker) => {
      await clients[worker]?.query({
        name: 'floor',
        text: 'insert into bench_floor (row) values ($1)',
        values: [row],
      })
    })
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}
