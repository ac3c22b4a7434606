/**
 * The only body that is accepted: JSON in UTF-8.
 *
 * The bytes are kept as `request.rawBody`, because a device signs their hash: what is verified is
 * what was sent, not what it was parsed into.
 */

import type { FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'
import type { App } from './app-type.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The body as it was sent; empty where there was none. */
    rawBody: Uint8Array
  }
}

const NO_BODY = new Uint8Array()

export function registerJsonBody(app: App): void {
  app.decorateRequest('rawBody')
  app.addHook('onRequest', async (request) => {
    request.rawBody = NO_BODY
  })
  app.removeAllContentTypeParsers()
  acceptJson(app, 'application/json')
}

/** Takes bodies of a media type as JSON in UTF-8. */
export function acceptJson(app: App, mediaType: string): void {
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser(
    mediaType,
    { parseAs: 'buffer' },
    (request: FastifyRequest, body: Buffer, done) => {
      request.rawBody = body
      let text: string
      try {
        text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
      } catch {
        done(new AppError('INVALID_JSON', 'Send one JSON value in UTF-8.'), undefined)
        return
      }
      // Synchronous; calls `done` with Fastify's own error, which never leaves the server.
      void parseJson(request, text, done)
    },
  )
}
