/**
 * What is remembered of a signed request until it expires: a short name that no other request has.
 */

import { createHash } from 'node:crypto'
import { requestForgottenAt, type DeviceRequestClaims } from '@keydesk/contract/device-request'
import type { DeviceRequest } from '../access/actor.ts'

/** The subject is part of it, so that no device can use up the request IDs of another. */
export function requestIdentity(claims: DeviceRequestClaims): DeviceRequest {
  const hex = createHash('sha256').update(`${claims.sub}\0${claims.jti}`).digest('hex')
  const id = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join('-')
  return { id, expiresAt: new Date(requestForgottenAt(claims) * 1000) }
}
