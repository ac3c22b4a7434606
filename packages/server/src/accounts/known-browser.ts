/**
 * "Somebody has signed in to this account here before": a cookie with a random ID and, for each of
 * a few accounts, a keyed hash that binds the ID to the account. It proves nothing else and opens
 * nothing; it only gives the browser a counter of its own for wrong passwords.
 */

import { randomBytes } from 'node:crypto'
import type { Keyring } from '../vault/keyring.ts'
import { isSameHash, keyedHash } from './keyed-hash.ts'

/** A shared PC at a helpdesk; the oldest one goes. */
const ACCOUNTS_MAX = 5
const COOKIE = /^[A-Za-z0-9_-]{22}(\.[A-Za-z0-9_-]{43}){1,5}$/

/** The browser's ID, if the cookie knows the account. */
export function knownBrowserId(
  keyring: Keyring,
  cookie: string | undefined,
  userId: string | undefined,
): string | undefined {
  if (cookie === undefined || userId === undefined || !COOKIE.test(cookie)) return undefined
  const [id = '', ...marks] = cookie.split('.')
  const expected = markOf(keyring, id, userId)
  const isKnown = marks.some((mark) => isSameHash(Buffer.from(mark, 'base64url'), expected))
  return isKnown ? id : undefined
}

/** The cookie after a sign-in to the account. */
export function rememberAccount(
  keyring: Keyring,
  cookie: string | undefined,
  userId: string,
): string {
  const isOurs = cookie !== undefined && COOKIE.test(cookie)
  const [id, ...marks] = isOurs ? cookie.split('.') : []
  const browserId = id ?? randomBytes(16).toString('base64url')
  const mark = markOf(keyring, browserId, userId).toString('base64url')
  const others = marks.filter((one) => one !== mark).slice(0, ACCOUNTS_MAX - 1)
  return [browserId, mark, ...others].join('.')
}

function markOf(keyring: Keyring, browserId: string, userId: string): Buffer {
  return keyedHash(keyring, 'keydesk known browser v1', [browserId, userId])
}
