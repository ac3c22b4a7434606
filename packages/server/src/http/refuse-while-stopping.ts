/**
 * While the server stops, what was begun is finished and what comes new is turned away, with a hint
 * when to come back. (Fastify's own answer to that would not be a problem document.)
 */

import { AppError } from '../errors.ts'
import type { App } from './app-type.ts'

/** Another node takes over at once; a single server is back within seconds. */
const RETRY_AFTER_SECONDS = 5

export function refuseWhileStopping(app: App): void {
  let isStopping = false
  app.addHook('preClose', async () => {
    isStopping = true
  })
  app.addHook('onRequest', async (_, reply) => {
    if (!isStopping) return
    reply.header('connection', 'close')
    throw new AppError('SHUTTING_DOWN', 'Try again in a few seconds.', {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    })
  })
}
