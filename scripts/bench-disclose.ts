/**
 * `npm run bench:disclose`: how many recovery passwords a second the service shows, each with its
 * disclosure, audit entries, exposure and rotation committed first; 10,000 devices with a key each
 * are already there. Compared with the floor of single-row durable commits.
 */
import { DEVICES, withBenchService } from './bench/bench-service.ts'
import { compareWithFloor } from './bench/compare-with-floor.ts'
import { makeEscrowRequests } from './bench/escrow-requests.ts'
import { HttpConnection, postRequest } from './bench/http-connection.ts'
import { measureLoad } from './bench/measure-load.ts'

const PREPARE_CONCURRENCY = 16
/** The budget of one person would end the measurement; the bench is a whole helpdesk at once. */
const SETTINGS = {
  KEYDESK_DISCLOSURE_BUDGET: `${10 * DEVICES}/1h`,
  KEYDESK_LOOK_UP_RATE: `${10 * DEVICES}/1m`,
}

await withBenchService(SETTINGS, async (service) => {
  const { port, databaseUrl, accessToken } = service
  const keys = await makeEscrowRequests(service, service.devices)
  const connections = await Promise.all(
    Array.from({ length: PREPARE_CONCURRENCY }, () => HttpConnection.open(port)),
  )
  await measureLoad(PREPARE_CONCURRENCY, keys.length, async (worker, index) => {
    const answer = await connections[worker]?.send(keys[index]?.bytes ?? new Uint8Array())
    if (answer?.status !== 201)
      throw new Error(`escrow answered ${answer?.status}: ${answer?.body}`)
  })
  for (const connection of connections) connection.close()

  let used = 0
  await compareWithFloor({
    name: 'disclosure',
    port,
    databaseUrl,
    requests: async (count) => {
      const chosen = keys.slice(used, used + count)
      used += count
      return chosen.map(({ protectorId }) =>
        postRequest(
          '/api/v1/disclosures',
          accessToken,
          JSON.stringify({ recoveryKeyId: protectorId, reason: { code: 'drill' } }),
        ),
      )
    },
  })
})
