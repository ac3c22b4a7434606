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
  // Or the client would keep the connection, and the stop would wait for it.
  app.addHook('onSend', async (_, reply) => {
    if (isStopping) reply.header('connection', 'close')
  })
  app.addHook('onRequest', async () => {
    if (!isStopping) return
    throw new AppError('SHUTTING_DOWN', 'Try again in a few seconds.', {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    })
  })
}
