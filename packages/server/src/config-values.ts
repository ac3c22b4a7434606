/**
 * The kinds of value that an environment variable can have, as text and as what the code uses.
 *
 * A parser takes the trimmed text and returns the value, or throws a `ConfigValueError` whose
 * message completes the sentence "KEYDESK_X is wrong: …". The message never repeats the text: a
 * DATABASE_URL holds a password, and anything can be pasted into the wrong variable.
 */

import { resolve } from 'node:path'

export class ConfigValueError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ConfigValueError'
  }
}

const SECONDS_PER_UNIT = { s: 1, m: 60, h: 3600, d: 86_400 } as const
const DURATION = /^(\d{1,9})([smhd])$/

/** `90s`, `60m`, `12h`, `7d` → seconds, within the bounds (seconds, inclusive). */
export function duration(bounds: { min: number; max: number }): (text: string) => number {
  return (text) => {
    const match = DURATION.exec(text)
    const seconds =
      match === null
        ? Number.NaN
        : Number(match[1]) * SECONDS_PER_UNIT[match[2] as keyof typeof SECONDS_PER_UNIT]
    if (!(seconds >= bounds.min && seconds <= bounds.max)) {
      throw new ConfigValueError(
        'it must be a whole number followed by s, m, h or d (seconds, minutes, hours, days), ' +
          `from ${formatDuration(bounds.min)} to ${formatDuration(bounds.max)}`,
      )
    }
    return seconds
  }
}

/** Seconds → the shortest text that `duration` reads back: 3600 → `1h`. */
export function formatDuration(seconds: number): string {
  if (seconds > 0 && seconds % SECONDS_PER_UNIT.d === 0) return `${seconds / SECONDS_PER_UNIT.d}d`
  if (seconds > 0 && seconds % SECONDS_PER_UNIT.h === 0) return `${seconds / SECONDS_PER_UNIT.h}h`
  if (seconds > 0 && seconds % SECONDS_PER_UNIT.m === 0) return `${seconds / SECONDS_PER_UNIT.m}m`
  return `${seconds}s`
}

export function integer(bounds: { min: number; max: number }): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= bounds.min && value <= bounds.max)) {
      throw new ConfigValueError(`it must be a whole number from ${bounds.min} to ${bounds.max}`)
    }
    return value
  }
}

export function oneOf<const T extends string>(...values: readonly T[]): (text: string) => T {
  return (text) => {
    const value = values.find((candidate) => candidate === text)
    if (value === undefined) throw new ConfigValueError(`it must be one of ${values.join(', ')}`)
    return value
  }
}

/** A file or directory; a relative one counts from the working directory. */
export function path(text: string): string {
  if (text.includes('\0')) throw new ConfigValueError('it must be a path')
  return resolve(text)
}

export function host(text: string): string {
  if (!/^[0-9A-Za-z.:_-]{1,255}$/.test(text)) {
    throw new ConfigValueError('it must be a host name or an IP address, without a port')
  }
  return text
}

/**
 * `https://keydesk.example`: scheme, host and port only, because devices sign for exactly this
 * text.
 */
export function webOrigin(text: string): string {
  const url = URL.parse(text)
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:'
  if (url === null || !isWeb || (text !== url.origin && text !== `${url.origin}/`)) {
    throw new ConfigValueError(
      'it must be an http:// or https:// address in lower case, with a host and no path',
    )
  }
  return url.origin
}

const LOCAL_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** The issuer of OpenID Connect, as it names itself: a slash at the end counts. */
export function issuerUrl(text: string): string {
  const url = URL.parse(text)
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && LOCAL_HOST.test(url.hostname))
  if (url === null || !isSafe || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new ConfigValueError(
      'it must be an https:// address without a query (http:// only for this machine)',
    )
  }
  return text
}

/** One line of printable ASCII. */
export function plainText(lengthMax: number): (given: string) => string {
  return (given) => {
    if (given.length > lengthMax || !/^[\x21-\x7e]+$/.test(given)) {
      throw new ConfigValueError(`it must be at most ${lengthMax} characters without spaces`)
    }
    return given
  }
}

export function claimName(given: string): string {
  if (!/^[\x21-\x7e]{1,128}$/.test(given)) {
    throw new ConfigValueError('it must be the name of a claim, without spaces')
  }
  return given
}

/** Words separated by spaces (RFC 6749 §3.3). */
export function scopes(given: string): readonly string[] {
  const words = given.split(/ +/)
  if (words.length > 32 || !words.every((word) => /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/.test(word))) {
    throw new ConfigValueError('it must be at most 32 words separated by spaces')
  }
  return words
}

export function postgresUrl(text: string): string {
  const url = URL.parse(text)
  const isPostgres = url?.protocol === 'postgres:' || url?.protocol === 'postgresql:'
  if (url === null || !isPostgres || url.pathname.length < 2) {
    throw new ConfigValueError('it must be a postgres:// URL with a host and a database name')
  }
  return text
}

const PROXIES_MAX = 32
const PROXY = /^(loopback|linklocal|uniquelocal|[0-9A-Fa-f.:]{2,45}(\/\d{1,3})?)$/

/** A list separated by commas. Empty means that no proxy is trusted. */
export function proxyList(text: string): readonly string[] {
  const proxies = text.split(',').map((entry) => entry.trim())
  const isProxy = (entry: string): boolean => PROXY.test(entry)
  if (proxies.length > PROXIES_MAX || !proxies.every(isProxy)) {
    throw new ConfigValueError(
      `it must be at most ${PROXIES_MAX} IP addresses or networks, separated by commas`,
    )
  }
  return proxies
}

/** So many within so long. */
export interface Budget {
  readonly count: number
  readonly windowSeconds: number
}

const BUDGET_COUNT_MAX = 1_000_000

/** `30/1h`: at most 30 in any hour. */
export function budget(text: string): Budget {
  const match = /^(\d{1,7})\/(\d{1,9}[smhd])$/.exec(text)
  const count = Number(match?.[1])
  if (match?.[2] === undefined || !(count >= 1 && count <= BUDGET_COUNT_MAX)) {
    throw new ConfigValueError('it must be a number, a slash and a duration')
  }
  return { count, windowSeconds: duration({ min: 1, max: 31 * SECONDS_PER_UNIT.d })(match[2]) }
}
