/**
 * How many guesses somebody has, and how long he waits for the next one.
 *
 * A delay that grows with failures can be turned against the owner: fail often enough, he waits.
 * So guesses count in several places. A browser that has signed in to the account before has a
 * counter of its own and none of the others matter to it. Everybody else is counted strictly by
 * account and network together, softly by account (an attack from many networks slows down), and by
 * network. The soft count does not refuse the first guesses of a network: somebody who keeps it
 * full does not keep the owner out, who types right after a mistake or two.
 *
 * A guess is counted before it is looked at, so any number at once count like one after the other;
 * a right one is taken back. Names that do not exist are counted the same.
 */

import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { keyedHash } from './keyed-hash.ts'
import { networkOf, siteOf } from './network-of.ts'
import {
  deleteCounter,
  forgiveOne,
  lockCounters,
  setCounter,
  type CounterRow,
} from './throttle-queries.ts'
import type { Transaction } from 'kysely'

interface Rule {
  /** Failures without any delay. */
  readonly free: number
  /** Delay after the first failure beyond; each further one doubles it. */
  readonly firstDelaySeconds: number
  readonly delaySecondsMax: number
  /** Without a guess for so long, the count begins anew. */
  readonly forgottenAfterSeconds: number
}

const HOUR = 3600
const RULES = {
  /** This browser, this account. */
  knownBrowser: rule(5, 30, HOUR, 24 * HOUR),
  /** This network, this account. */
  accountAndNetwork: rule(5, 30, HOUR, 24 * HOUR),
  /** The /48 of IPv6 around it: 65,536 of the networks above. */
  accountAndSite: rule(10, 30, HOUR, 24 * HOUR),
  /** This account from anywhere: 1,440 guesses a day, however many networks. */
  account: rule(20, 5, 60, 24 * HOUR),
  /** This network, any account: an office with a thousand people behind one address can sign in. */
  network: rule(100, 10, 15 * 60, HOUR),
  /** The /48 of IPv6 around it. */
  site: rule(300, 10, 15 * 60, HOUR),
  /** Codes: whoever gets here knows the password. Three of a million codes are right at a time. */
  secondFactor: rule(5, 60, HOUR, 24 * HOUR),
  /** Only whoever has given both factors before has such a browser. */
  knownBrowserSecondFactor: rule(5, 60, HOUR, 24 * HOUR),
} as const

function rule(free: number, first: number, most: number, forgotten: number): Rule {
  return {
    free,
    firstDelaySeconds: first,
    delaySecondsMax: most,
    forgottenAfterSeconds: forgotten,
  }
}

/** Of a network at an account, which are looked at however many others guess. */
const FIRST_GUESSES = 3

type RuleName = keyof typeof RULES

/** Others count there too: a right guess takes back itself alone. */
const SHARED: readonly RuleName[] = ['account', 'accountAndSite', 'network', 'site']

interface Counted {
  readonly rule: RuleName
  readonly key: Buffer
}

type ThrottleDeps = Pick<Deps, 'db' | 'keyring' | 'clock'>

export interface Guesser {
  /** What was typed as user name, or the user ID where it is known. */
  readonly account: string
  /** Address of the client. */
  readonly address: string
  /** Where the browser has proof of a former sign-in to this account: its ID. */
  readonly knownBrowserId: string | undefined
}

/** One guess, counted as wrong until `wasRight`. */
export interface Guess {
  /** The own counters begin anew, the shared ones forget this guess. */
  readonly wasRight: () => Promise<void>
}

/** Throws AppError TOO_MANY_REQUESTS with the seconds to wait; then the guess was not counted. */
export async function throttlePassword(deps: ThrottleDeps, guesser: Guesser): Promise<Guess> {
  const account = guesser.account.normalize('NFKC').toLowerCase()
  const { address, knownBrowserId } = guesser
  if (knownBrowserId !== undefined) {
    return await count(deps, [counter(deps, 'knownBrowser', account, knownBrowserId)])
  }
  const site = siteOf(address)
  return await count(deps, [
    counter(deps, 'accountAndNetwork', account, networkOf(address)),
    ...(site === undefined ? [] : [counter(deps, 'accountAndSite', account, site)]),
    counter(deps, 'account', account),
    ...networkCounters(deps, address),
  ])
}

/**
 * Codes of an authenticator app and backup codes: by account, wherever they come from, but for
 * browsers that have signed in to it before.
 */
export async function throttleSecondFactor(
  deps: ThrottleDeps,
  userId: string,
  knownBrowserId?: string,
): Promise<Guess> {
  return await count(deps, [
    knownBrowserId === undefined
      ? counter(deps, 'secondFactor', userId)
      : counter(deps, 'knownBrowserSecondFactor', userId, knownBrowserId),
  ])
}

/** Requests of strangers that cost something without being guesses. */
export async function throttleNetwork(deps: ThrottleDeps, address: string): Promise<Guess> {
  return await count(deps, networkCounters(deps, address))
}

/** Such a request turned out to be from somebody who may be here. */
export async function forgiveNetwork(deps: ThrottleDeps, address: string): Promise<void> {
  for (const { key } of networkCounters(deps, address)) await forgiveOne(deps.db, key)
}

function networkCounters(deps: ThrottleDeps, address: string): Counted[] {
  const site = siteOf(address)
  return [
    counter(deps, 'network', networkOf(address)),
    ...(site === undefined ? [] : [counter(deps, 'site', site)]),
  ]
}

function counter(deps: ThrottleDeps, name: RuleName, ...parts: readonly string[]): Counted {
  return {
    rule: name,
    key: keyedHash(deps.keyring, 'keydesk sign-in throttle v1', [name, ...parts]),
  }
}

async function count(deps: ThrottleDeps, counted: readonly Counted[]): Promise<Guess> {
  const waitUntil = await deps.db.transaction().execute(async (trx) => {
    const now = deps.clock.now()
    const rows = await lockCounters(
      trx,
      counted.map(({ key }) => key),
      now,
    )
    const isNew = isNewNetwork(counted, rows, now)
    const blocked = rows
      .filter(({ key }) => !isNew || ruleNameOf(counted, key) !== 'account')
      .map(({ blocked_until }) => blocked_until?.getTime() ?? 0)
    const latest = Math.max(...blocked)
    if (latest > now.getTime()) return latest
    for (const row of rows) {
      await addFailure(trx, row, RULES[ruleNameOf(counted, row.key)], now)
    }
    return undefined
  })
  if (waitUntil !== undefined) throw tooMany(waitUntil - deps.clock.now().getTime())
  return {
    wasRight: async () => {
      for (const { rule: name, key } of counted) {
        if (SHARED.includes(name)) await forgiveOne(deps.db, key)
        else await deleteCounter(deps.db, key)
      }
    },
  }
}

/** Neither the network nor the /48 around it has guessed at the account before, or hardly. */
function isNewNetwork(
  counted: readonly Counted[],
  rows: readonly CounterRow[],
  now: Date,
): boolean {
  const own = rows.filter(({ key }) => ruleNameOf(counted, key).startsWith('accountAnd'))
  return own.every(
    (row) => row.failures < FIRST_GUESSES || isForgotten(row, RULES.accountAndNetwork, now),
  )
}

function ruleNameOf(counted: readonly Counted[], key: Buffer): RuleName {
  const name = counted.find((one) => one.key.equals(key))?.rule
  if (name === undefined) throw new TypeError('a counter that nobody asked for')
  return name
}

function isForgotten({ updated_at }: CounterRow, { forgottenAfterSeconds }: Rule, now: Date) {
  return now.getTime() - updated_at.getTime() > forgottenAfterSeconds * 1000
}

async function addFailure(
  trx: Transaction<Database>,
  row: CounterRow,
  by: Rule,
  now: Date,
): Promise<void> {
  const { free, firstDelaySeconds, delaySecondsMax } = by
  const failures = isForgotten(row, by, now) ? 1 : row.failures + 1
  // Beyond 2^12 every rule is at its most.
  const doublings = Math.min(failures - free, 12)
  const delaySeconds =
    doublings < 0 ? 0 : Math.min(firstDelaySeconds * 2 ** doublings, delaySecondsMax)
  const blockedUntil =
    delaySeconds === 0 ? undefined : new Date(now.getTime() + delaySeconds * 1000)
  await setCounter(trx, { key: row.key, failures, blockedUntil, now })
}

function tooMany(milliseconds: number): AppError {
  const seconds = Math.max(1, Math.ceil(milliseconds / 1000))
  return new AppError('TOO_MANY_REQUESTS', `Too many attempts. Try again in ${inWords(seconds)}.`, {
    retryAfterSeconds: seconds,
  })
}

function inWords(seconds: number): string {
  if (seconds === 1) return '1 second'
  if (seconds < 90) return `${seconds} seconds`
  return `${Math.ceil(seconds / 60)} minutes`
}
