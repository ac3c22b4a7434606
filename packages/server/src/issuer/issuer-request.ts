/**
 * A request as the issuer sees it. Host, scheme and client address are those of the configuration
 * and of Fastify's judgement: what a client claims about them in headers never reaches the library,
 * which builds its own addresses from them.
 */

import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'

export const ISSUER_PATH = '/oidc'

/** The same object, changed: it goes on to the issuer and nowhere else. */
export function asIssuerRequest(
  config: Pick<Config, 'origin'>,
  request: FastifyRequest,
): IncomingMessage {
  const { raw } = request
  const origin = new URL(config.origin)
  delete raw.headers.forwarded
  raw.headers.host = origin.host
  raw.headers['x-forwarded-host'] = origin.host
  raw.headers['x-forwarded-proto'] = origin.protocol.replace(':', '')
  raw.headers['x-forwarded-for'] = request.ip
  return raw
}
