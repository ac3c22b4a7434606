/**
 * A rate for each client address on what strangers may call at will, and on looking keys up. It
 * bounds what one address can cost; guessing passwords is bounded by the lock-out of the accounts.
 *
 * In the memory of each server: several servers allow as many times more. The address is Fastify's
 * judgement (`request.ip`): forwarded ones count only from trusted proxies. Of an IPv6 address the
 * first 64 bits count, because whoever has one has all of that network.
 */

import { isIPv6 } from 'node:net'
import { LIMITS } from '@keydesk/contract'
import type { FastifyRequest } from 'fastify'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'
import { OWN_ADDRESS } from '../sign-in/own-fetch.ts'

/** A hook for `onRequest`. Throws AppError TOO_MANY_REQUESTS. */
export type RateLimit = (request: FastifyRequest) => Promise<void>

export interface Rate {
  readonly requests: number
  readonly seconds: number
}

/** Routes that are given the same one share its rate. */
export function createRateLimit(rate: Rate): RateLimit {
  const limiter = new RateLimiterMemory({ points: rate.requests, duration: rate.seconds })
  return async (request) => {
    // The server's own talk with the built-in issuer.
    if (request.socket.remoteAddress === OWN_ADDRESS) return
    try {
      await limiter.consume(networkOf(request.ip))
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error
      throw new AppError(
        'TOO_MANY_REQUESTS',
        'There were too many requests from this address. Wait before the next one.',
        { retryAfterSeconds: Math.max(1, Math.ceil(error.msBeforeNext / 1000)) },
      )
    }
  }
}

/** Shared by all slices of one server. */
export interface SharedRates {
  /** Of the whole way of a sign-in, page by page. */
  readonly limitSignIns: RateLimit
  /** Of whatever tells of keys or shows them. */
  readonly limitLookUps: RateLimit
}

export function createSharedRates({ lookUpRate }: Pick<Config, 'lookUpRate'>): SharedRates {
  return {
    limitSignIns: createRateLimit({ requests: LIMITS.signInsPerMinuteMax, seconds: 60 }),
    limitLookUps: createRateLimit({
      requests: lookUpRate.count,
      seconds: lookUpRate.windowSeconds,
    }),
  }
}

/** The network for IPv6, else the address. */
export function networkOf(ip: string): string {
  const address = ip.replace(/%.*$/, '')
  if (!isIPv6(address)) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped?.[1] !== undefined) return mapped[1]
  // WHATWG URL gives the shortest form; the first four groups are what is left of `::` filled up.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  const groups = tail === undefined ? before : [...before, ...zeros, ...after]
  return `${groups.slice(0, 4).join(':')}::/64`
}
