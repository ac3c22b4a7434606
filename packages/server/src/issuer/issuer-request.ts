/**
 * A request as the issuer sees it. Host, scheme and client address are those of the configuration
 * and of Fastify's judgement: what a client claims about them in headers never reaches the library,
 * which builds its own addresses from them.
 */

import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'

const ISSUER_PATH = '/oidc'
/** Eight letters and a hyphen, and room for spaces. */
export const USER_CODE_LENGTH_MAX = 16

const userCodes = new WeakMap<IncomingMessage, string>()

/** The code that an address like `/oidc/device?user_code=…` brings; empty without. */
export function userCodeOf(request: IncomingMessage): string {
  return userCodes.get(request) ?? ''
}

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

/** With the path as the issuer counts it: from below `/oidc` on. */
export function belowIssuer(request: IncomingMessage): IncomingMessage {
  const { url: whole = '/' } = request
  const isCodeLink = whole.startsWith(`${ISSUER_PATH}/device?`)
  if (isCodeLink) {
    // The library would send the code on by an inline script; our page puts it into its form.
    const code = new URLSearchParams(whole.slice(whole.indexOf('?'))).get('user_code')
    if (code !== null) userCodes.set(request, code.slice(0, USER_CODE_LENGTH_MAX))
  }
  const url = isCodeLink ? `${ISSUER_PATH}/device` : whole
  return Object.assign(request, { originalUrl: url, url: url.slice(ISSUER_PATH.length) })
}
