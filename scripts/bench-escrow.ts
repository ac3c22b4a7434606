/**
 * `npm run bench:escrow`: how many keys a second the service stores, over HTTP with signed
 * requests, 10,000 devices already there, compared with the floor of single-row durable commits.
 */
import { withBenchService } from './bench/bench-service.ts'
import { compareWithFloor } from './bench/compare-with-floor.ts'
import { makeEscrowRequests } from './bench/escrow-requests.ts'

await withBenchService({}, async (service) => {
  let used = 0
  await compareWithFloor({
    name: 'escrow',
    port: service.port,
    databaseUrl: service.databaseUrl,
    requests: async (count) => {
      const devices = service.devices.slice(used, used + count)
      used += count
      return (await makeEscrowRequests(service, devices)).map(({ bytes }) => bytes)
    },
  })
})
