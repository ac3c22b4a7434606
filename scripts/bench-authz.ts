/**
 * `npm run bench:authz [-- --json]`: what one authorization decision costs: who asks, whether he is
 * disabled, all his roles and those of his groups, whether the device is in scope. As the server
 * does it at every request, on a real PostgreSQL, one after the other, first with 10,000 and then
 * with 100,000 devices, with 1,000 administrative units and 10,000 assignments.
 *
 * The decisions are checked too: half of them allow, and the other half does not.
 */
import { migrate } from '../packages/server/src/db/migrate.ts'
import { openDatabase } from '../packages/server/src/db/open-database.ts'
import { coversDevice } from '../packages/server/src/access/grants.ts'
import { loadPrincipal, type PrincipalDeps } from '../packages/server/src/access/load-principal.ts'
import { ACR_MFA } from '../packages/server/src/access/step-up-acr.ts'
import { systemClock } from '../packages/server/src/deps.ts'
import { startThrowawayPostgres } from '../test/support/throwaway-postgres.ts'
import { drawDecision, growDirectory, type Decision } from './bench/authz-directory.ts'
import { measureLoad, type LoadFigures } from './bench/measure-load.ts'

const DEVICES = [10_000, 100_000] as const
const WARM_UP = 4000
/**
 * The figures are those of the median round by its p99: whatever else the machine does in a second
 * or two spoils a round, not the measurement.
 */
const ROUNDS = 11
const DECISIONS_PER_ROUND = 2000
const AIM_P99_MS = 1
const PERMISSION = 'microsoft.directory/bitlockerKeys/key/read'

interface Figures {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly perSecond: number
}

const postgres = await startThrowawayPostgres()
try {
  // Every cluster of ours has this database.
  const url = new URL('/keydesk', postgres.superuserUrl).href
  await migrate(url)
  report(await measure(url))
} finally {
  await postgres.stop()
}

async function measure(url: string): Promise<Record<string, Figures>> {
  const db = openDatabase({
    url,
    poolMax: 4,
    onSessionError: (error) => {
      throw error
    },
  })
  const deps = { db, clock: systemClock, config: { oidcIssuer: undefined } }
  const figures: Record<string, Figures> = {}
  try {
    for (const devices of DEVICES) {
      await growDirectory(url, devices)
      await measureRound(deps, WARM_UP)
      const rounds: LoadFigures[] = []
      while (rounds.length < ROUNDS) rounds.push(await measureRound(deps, DECISIONS_PER_ROUND))
      const { p50Ms, p99Ms, perSecond } = medianRound(rounds)
      figures[`devices${devices}`] = { p50Ms, p99Ms, perSecond }
    }
    return figures
  } finally {
    await db.destroy()
  }
}

async function measureRound(deps: PrincipalDeps, count: number): Promise<LoadFigures> {
  const decisions = Array.from({ length: count }, drawDecision)
  return await measureLoad(1, count, async (_, index) => {
    const decision = decisions[index]
    if (decision === undefined) throw new RangeError('out of decisions')
    await decide(deps, decision)
  })
}

function medianRound(rounds: readonly LoadFigures[]): Figures {
  const median = rounds.toSorted((a, b) => a.p99Ms - b.p99Ms)[Math.floor(rounds.length / 2)]
  if (median === undefined) throw new RangeError('no rounds')
  return median
}

async function decide(deps: PrincipalDeps, decision: Decision): Promise<void> {
  const { userId, deviceId, isAllowed } = decision
  const now = deps.clock.now()
  const credential = {
    type: 'user',
    userId,
    authenticatedAt: now,
    methods: [],
    acr: ACR_MFA,
    sessionId: undefined,
    scopes: undefined,
    issuedAt: now,
  } as const
  const loaded = await loadPrincipal(deps, credential, deviceId)
  const answer =
    loaded?.device !== undefined &&
    coversDevice(loaded.actor.grants.reach(PERMISSION), loaded.device)
  if (answer !== isAllowed) throw new Error(`a wrong decision on device ${deviceId}`)
}

function report(figures: Readonly<Record<string, Figures>>): void {
  console.log('\nOne authorization decision: 1,000 administrative units, 10,000 assignments\n')
  console.table(
    Object.entries(figures).map(([name, { p50Ms, p99Ms, perSecond }]) => ({
      devices: Number(name.slice('devices'.length)),
      'p50 ms': Number(p50Ms.toFixed(3)),
      'p99 ms': Number(p99Ms.toFixed(3)),
      'decisions/s': Math.round(perSecond),
      [`p99 under ${AIM_P99_MS} ms`]: p99Ms < AIM_P99_MS ? 'yes' : 'no',
    })),
  )
  if (process.argv.includes('--json')) console.log(JSON.stringify(figures))
}
