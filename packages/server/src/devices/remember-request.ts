/**
 * Remembers a signed request until it expires, and refuses one that is already remembered: what
 * stops a replay on every server that shares the database.
 *
 * Requests that come together are remembered in one statement. It does not wait for the disk: if
 * PostgreSQL crashes, what it forgets is at most the last half second, and what a replay of such a
 * request could do is what the device itself asked for a moment before.
 */

import type { DeviceRequest } from '../access/actor.ts'
import { Coalescer } from '../db/coalescer.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { insertRequests } from './request-queries.ts'

const BATCH_SIZE_MAX = 200
const BATCHES_MAX = 2

/** Throws AppError REQUEST_REPLAYED. */
export type RememberRequest = (request: DeviceRequest) => Promise<void>

export function createRequestMemory(deps: Pick<Deps, 'db'>): RememberRequest {
  const coalescer = new Coalescer<DeviceRequest, boolean>({
    run: async (requests) => {
      const fresh = new Set(await insertRequests(deps.db, requests))
      // The second of two equal requests in one batch is a replay too.
      return requests.map(({ id }) => fresh.delete(id))
    },
    batchSizeMax: BATCH_SIZE_MAX,
    batchesMax: BATCHES_MAX,
    retriesAlone: false,
  })
  return async (request) => {
    if (!(await coalescer.submit(request))) throw requestReplayed()
  }
}

export function requestReplayed(): AppError {
  return new AppError('REQUEST_REPLAYED', 'Sign every request anew, with a jti of its own.')
}
